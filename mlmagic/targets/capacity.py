"""Whether this machine has what a service asks for."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import psutil

from mlmagic import configurations
from mlmagic.entities import LocalDeploymentConfig, Reason, ServiceState, ServiceStatus
from mlmagic.errors import ConfigurationError, TargetUnavailableError

_CGROUP = Path("/sys/fs/cgroup")
_GIB = 2**30
_SUPERVISOR = "mlmagic.scoring.supervisor"


def lacking(config: LocalDeploymentConfig) -> ServiceStatus | None:
    """Say what the machine lacks for all workers together; None where it lacks nothing."""
    wanted_bytes = memory_bytes(config)
    if wanted_bytes is not None and wanted_bytes * config.workers > (here := machine_memory()):
        return _unschedulable(
            Reason.INSUFFICIENT_MEMORY,
            f"{wanted_bytes * config.workers / _GIB:.1f} GiB of memory are asked for"
            f"{_each(config)}, this machine has {here / _GIB:.1f} GiB",
        )
    wanted_cpus = cpus(config)
    if wanted_cpus is not None and wanted_cpus * config.workers > (there := machine_cpus()):
        return _unschedulable(
            Reason.INSUFFICIENT_CPU,
            f"{wanted_cpus * config.workers:g} CPUs are asked for"
            f"{_each(config)}, this machine has {there:g}",
        )
    return None


def memory_bytes(config: LocalDeploymentConfig) -> int | None:
    """Return the memory that one worker may use."""
    return None if config.memory is None else configurations.memory_bytes(config.memory)


def cpus(config: LocalDeploymentConfig) -> float | None:
    """Return the CPUs that one worker may use."""
    return None if config.cpu is None else configurations.cpu_cores(config.cpu)


def machine_memory() -> int:
    """Return the bytes that processes may use here; a container's limit counts."""
    total = psutil.virtual_memory().total
    limit = _read(_CGROUP / "memory.max")
    return min(total, int(limit)) if limit.isdigit() else total


def machine_cpus() -> float:
    """Return the CPUs that processes may use here; a container's limit counts."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = float(len(affinity(0)) if affinity else os.cpu_count() or 1)
    quota, _, period = _read(_CGROUP / "cpu.max").partition(" ")
    return min(count, int(quota) / int(period)) if quota.isdigit() else count


def check_port(address: str, port: int) -> None:
    """Make sure that a service could listen there.

    Raises:
        TargetUnavailableError: Somebody else does; the message says who.
        ConfigurationError: The address is not one of this machine, or the port is not allowed.
    """
    try:
        family, kind, _, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            # As servers do: connections that are still closing do not count as in use.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
            probe.listen()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise TargetUnavailableError(
                f"Port '{port}' is in use by {_listener(port)}.",
                hint="Choose another with --port, or leave it out to get a free one.",
            ) from None
        raise ConfigurationError(
            f"A service cannot listen on '{address}', port '{port}': {error.strerror}.",
            hint="Choose another --address or --port.",
        ) from error


def _listener(port: int) -> str:
    """Tell who listens on a port, as far as the system lets us see."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return _own_listener(port)
    return _who(connections, port)


def _own_listener(port: int) -> str:
    """Look among the processes that may be looked at (macOS shows only one's own)."""
    for process in psutil.process_iter():
        try:
            found = process.net_connections(kind="tcp")
        except psutil.Error:
            continue
        if any(_listens(connection, port) for connection in found):
            return _describe(process.pid)
    return "another process"


def _who(connections: list[psutil._ntuples.sconn], port: int) -> str:
    pids = [c.pid for c in connections if _listens(c, port) and c.pid is not None]
    return _describe(pids[0]) if pids else "a process of another user"


def _listens(connection: psutil._ntuples.pconn | psutil._ntuples.sconn, port: int) -> bool:
    return (
        connection.status == psutil.CONN_LISTEN and getattr(connection.laddr, "port", None) == port
    )


def _describe(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        words = process.cmdline()
        for each in (process, *process.parents()):
            line = each.cmdline()
            if _SUPERVISOR in line[:-1]:
                # …/services/NAME/state
                name = Path(line[line.index(_SUPERVISOR) + 1]).parent.name
                return f"service '{name}' (process {pid})"
    except psutil.Error:
        return f"process {pid}"
    return f"process {pid} ('{' '.join(words)[:80]}')"


def _each(config: LocalDeploymentConfig) -> str:
    return "" if config.workers == 1 else f" by {config.workers} workers"


def _unschedulable(reason: Reason, message: str) -> ServiceStatus:
    return ServiceStatus(state=ServiceState.UNSCHEDULABLE, reason=reason, message=message)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
