"""Processes of this machine: told apart, started apart from the kernel, and ended."""

from __future__ import annotations

import functools
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from mlmagic.entities import ProcessIdentity

if TYPE_CHECKING:
    from collections.abc import Sequence

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# The kernel counts start times from the boot, whose wall time moves a little with the clock.
_CLOCK_SLACK_SECONDS = 2.0
_SIGNAL_GRACE_SECONDS = 5.0


@functools.cache
def boot_id() -> str:
    """Return what identifies this run of the operating system."""
    if _BOOT_ID.exists():
        return _BOOT_ID.read_text().strip()
    answer = subprocess.run(
        ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"],
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or f"{psutil.boot_time():.0f}"


def identify(pid: int | None = None) -> ProcessIdentity:
    """Return the identity of a running process, by default this one.

    Raises:
        psutil.NoSuchProcess: There is none.
    """
    pid = os.getpid() if pid is None else pid
    return ProcessIdentity(
        host=socket.gethostname(),
        boot_id=boot_id(),
        pid=pid,
        started=psutil.Process(pid).create_time(),
    )


def same_boot(identity: ProcessIdentity) -> bool:
    """Whether the operating system still runs that started the process."""
    return identity.boot_id == boot_id()


def here(identity: ProcessIdentity) -> bool:
    """Whether the process was started on this host."""
    return identity.host == socket.gethostname()


def is_alive(identity: ProcessIdentity) -> bool:
    """Whether exactly this process still runs; a later one with its number does not count."""
    return (
        here(identity) and same_boot(identity) and find(identity.pid, identity.started) is not None
    )


def find(pid: int, started: float) -> psutil.Process | None:
    """Return the running process with this number and start time."""
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - started) > _CLOCK_SLACK_SECONDS:
            return None
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.Error:
        return None


def start_detached(command: Sequence[str], *, cwd: Path, output: Path) -> ProcessIdentity:
    """Start a process in a session of its own, which outlives this one.

    Args:
        command: Program and arguments.
        cwd: Its working directory.
        output: File that receives what it writes.
    """
    with output.open("ab") as stream:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    identity = identify(process.pid)
    # Somebody has to collect the exit code, or a dead process stays a zombie while we live.
    threading.Thread(target=process.wait, name=f"mlmagic-reap-{process.pid}", daemon=True).start()
    return identity


def end_group(identity: ProcessIdentity, *, grace_seconds: float) -> None:
    """End a process, its group and its descendants: INT, then TERM, then KILL.

    Args:
        identity: The leader of the group.
        grace_seconds: How long INT may take.
    """
    leader = find(identity.pid, identity.started) if is_alive(identity) else None
    if leader is None:
        return
    try:
        family = [*leader.children(recursive=True), leader]
    except psutil.NoSuchProcess:
        return
    for number, seconds in (
        (signal.SIGINT, grace_seconds),
        (signal.SIGTERM, _SIGNAL_GRACE_SECONDS),
    ):
        _signal(leader, number)
        family = _remaining([*family, *_children(leader)], leader, seconds)
        if leader not in family:
            break
    end_all(family)


def end_all(processes: Sequence[psutil.Process]) -> None:
    """Kill processes and wait until they are gone."""
    for process in processes:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(processes, timeout=_SIGNAL_GRACE_SECONDS)


def _children(leader: psutil.Process) -> list[psutil.Process]:
    try:
        return leader.children(recursive=True)
    except psutil.Error:
        return []


def _remaining(
    family: list[psutil.Process], leader: psutil.Process, seconds: float
) -> list[psutil.Process]:
    """Wait for the leader; return who of the family still runs."""
    psutil.wait_procs([leader], timeout=seconds)
    return [process for process in dict.fromkeys(family) if _runs(process)]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        return


def python(*arguments: str) -> list[str]:
    """Return a command line for this Python that never imports from the working directory."""
    return [sys.executable, "-P", *arguments]
