"""Whether an engine has what a service asks for, before anything is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic import configurations
from mlmagic.entities import Reason, ServiceState
from mlmagic.errors import ConfigurationError, TargetUnavailableError
from mlmagic.scoring.listening import is_loopback
from mlmagic.targets.capacity import check_port
from mlmagic.targets.docker import labels
from mlmagic.targets.docker.containers import check_volumes, front_name
from mlmagic.targets.states import plain_status

if TYPE_CHECKING:
    from docker import DockerClient

    from mlmagic.entities import DockerDeploymentConfig, ServiceStatus
    from mlmagic.targets.docker.parts import ServiceParts

_GIB = 2**30


def check(
    parts: ServiceParts, config: DockerDeploymentConfig, *, host: str | None
) -> ServiceStatus | None:
    """Look whether a service can run.

    Args:
        parts: What the engine has of it.
        config: Its configuration.
        host: The engine's host, where it is another than this machine.

    Returns:
        None, or why it is ``Unschedulable``.

    Raises:
        ConfigurationError: The configuration cannot work there.
        TargetUnavailableError: A name or a port is taken.
    """
    check_volumes(config)
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

    for network in config.networks:
        try:
            client.api.inspect_network(network)
        except NotFound:
            raise ConfigurationError(
                f"The engine has no network '{network}'.",
                hint=f"Make it: docker network create {network}.",
            ) from None


def _check_port(parts: ServiceParts, address: str, port: int, *, here: bool) -> None:
    """A port that the service itself holds is free to it."""
    for each in parts.client.api.containers(filters={"publish": str(port)}):
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
