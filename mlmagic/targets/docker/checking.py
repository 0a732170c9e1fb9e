"""Whether an engine has what a service asks for, before anything is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmagic import configurations
from mlmagic.entities import Reason, ServiceState
from mlmagic.errors import ConfigurationError, TargetUnavailableError
from mlmagic.scoring.listening import is_loopback
from mlmagic.targets.capacity import check_port
from mlmagic.targets.docker import labels
from mlmagic.targets.docker.containers import check_volumes, front_name
from mlmagic.targets.states import plain_status

if TYPE_CHECKING:
    from collections.abc import Collection

    from docker import DockerClient

    from mlmagic.entities import DockerDeploymentConfig, ServiceStatus
    from mlmagic.targets.docker.parts import ServiceParts

_GIB = 2**30
_WITHOUT_PORTS = ("macvlan", "ipvlan")  # containers have addresses of the network outside


def check(
    parts: ServiceParts, config: DockerDeploymentConfig, *, host: str | None
) -> ServiceStatus | None:
    """Look whether a service can run.

    Args:
        parts: What the engine has of it.
        config: Its configuration.
        host: See `Connection.host`.

    Returns:
        None, or why it is ``Unschedulable``.

    Raises:
        ConfigurationError: The configuration cannot work there.
        TargetUnavailableError: A name or a port is taken.
    """
    check_volumes(config)
    if host == "":
        raise ConfigurationError(
            "This process runs in a container of the engine that has no network to the engine's "
            "host, so that it could not reach the service.",
            hint="Give it one: docker network connect bridge CONTAINER.",
        )
    if host is not None and is_loopback(config.address):
        raise ConfigurationError(
            f"The engine is on host '{host}': on its address '{config.address}', the service "
            "could not be reached from here.",
            hint="Let it listen for others too: --address 0.0.0.0.",
        )
    _check_name(parts, config)
    _check_networks(parts.client, config)
    if config.port is not None:
        _check_port(parts, config.address, config.port, here=host is None)
    return _lacking(parts.client, config)


def _check_name(parts: ServiceParts, config: DockerDeploymentConfig) -> None:
    from docker.errors import NotFound

    name = front_name(config, parts.name)
    try:
        found = parts.client.api.inspect_container(name)
    except NotFound:
        return
    marks = found["Config"]["Labels"] or {}
    if (marks.get(labels.SERVICE), marks.get(labels.OWNER)) == (parts.name, parts.owner):
        return
    whose = (
        "the service of another workspace" if labels.OWNER in marks else "a container of another"
    )
    raise TargetUnavailableError(
        f"The container's name '{name}' is taken on the engine, by {whose}.",
        hint="Choose another name for the container: --dns-name-label NAME.",
    )


def _check_networks(client: DockerClient, config: DockerDeploymentConfig) -> None:
    from docker.errors import NotFound

    closed = {}
    for network in config.networks:
        try:
            found = client.api.inspect_network(network)
        except NotFound:
            raise ConfigurationError(
                f"The engine has no network '{network}'.",
                hint=f"Make it: docker network create {network}.",
            ) from None
        if found["Driver"] in ("host", "null"):
            raise ConfigurationError(
                f"On the network '{network}', the engine publishes no port: '--address' and "
                "'--port' would mean nothing.",
                hint="Leave out --network, or name a network of the driver 'bridge'.",
            )
        if found["Driver"] in _WITHOUT_PORTS:
            closed[network] = f"of the driver '{found['Driver']}'"
        elif found["Internal"]:
            closed[network] = "internal"
    if config.networks and closed.keys() == {*config.networks}:
        network, kind = next(iter(closed.items()))
        raise ConfigurationError(
            f"The network '{network}' is {kind}: the engine publishes no port there.",
            hint="Name one that is not beside it: --network bridge --network NAME.",
        )


def _check_port(parts: ServiceParts, address: str, port: int, *, here: bool) -> None:
    """A port that the service itself holds is free to it."""
    for each in parts.client.api.containers():  # Podman knows no filter by ports
        published = [(of.get("PublicPort"), of.get("Type")) for of in each["Ports"] or ()]
        if (port, "tcp") not in published:
            continue
        marks = each["Labels"]
        if (marks.get(labels.SERVICE), marks.get(labels.OWNER)) == (parts.name, parts.owner):
            return
        who = marks.get(labels.SERVICE)
        name = each["Names"][0].lstrip("/")
        raise TargetUnavailableError(
            f"Port '{port}' is in use by "
            + (f"service '{who}'." if who else f"container '{name}'."),
            hint="Choose another with --port, or leave it out to get a free one.",
        )
    if here:
        check_port(address, port)


def _lacking(client: DockerClient, config: DockerDeploymentConfig) -> ServiceStatus | None:
    if config.memory is None and config.cpu is None:
        return None
    has = client.info()
    limits = _limits(client, has)
    for name, wish in (("memory", config.memory), ("cpu", config.cpu)):
        if wish is not None and name not in limits:
            raise ConfigurationError(
                f"The engine cannot limit {name} to '{wish}': it may not use the controller of "
                "control groups.",
                hint=f"Leave out --{name}, or let the user of a rootless engine have it: "
                "https://docs.docker.com/engine/security/rootless/tips/#limiting-resources.",
            )
    each = "" if config.workers == 1 else f" by {config.workers} workers"
    wanted = configurations.memory_bytes(config.memory) if config.memory is not None else 0
    if wanted * config.workers > has["MemTotal"]:
        return plain_status(
            ServiceState.UNSCHEDULABLE,
            Reason.INSUFFICIENT_MEMORY,
            f"{wanted * config.workers / _GIB:.1f} GiB of memory are asked for{each}, "
            f"the engine's host has {has['MemTotal'] / _GIB:.1f} GiB",
        )
    cpus = configurations.cpu_cores(config.cpu) if config.cpu is not None else 0
    if cpus * config.workers > has["NCPU"]:
        return plain_status(
            ServiceState.UNSCHEDULABLE,
            Reason.INSUFFICIENT_CPU,
            f"{cpus * config.workers:g} CPUs are asked for{each}, "
            f"the engine's host has {has['NCPU']}",
        )
    return None


def _limits(client: DockerClient, has: dict[str, Any]) -> Collection[str]:
    """Say which limits an engine heeds; one that heeds none may take them all the same."""
    if "BuildahVersion" in has:  # Podman tells Docker's clients what the host could do
        answer = client.api.get(f"{client.api.base_url}/v4.0.0/libpod/info", timeout=60)
        controllers = answer.json()["host"].get("cgroupControllers") if answer.ok else None
        if controllers is not None:
            return list(controllers)
    known = {"memory": "MemoryLimit", "cpu": "CpuCfsQuota"}
    return [name for name, told in known.items() if has.get(told, True)]
