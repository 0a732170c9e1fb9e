"""From a lock to a virtual environment, once for everybody on this machine.

An environment is built under a temporary name and renamed when it is complete. The folder's
existence is then all there is to know: no reader has to look for a marker, and a build that was
interrupted, killed or ran out of disk never has the name. uv makes the environment relocatable,
so that its programs still start after the rename; Python itself never minds.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.cancelling import check
from mlmagic.environments.locking import option_arguments, option_lines
from mlmagic.environments.uv_command import UvError, run_program, run_uv
from mlmagic.errors import EnvironmentSetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlmagic.entities import Lock

_VENV_TIMEOUT = 600  # a missing Python may have to be downloaded first
_INSTALL_TIMEOUT = 3600
_LOOK_TIMEOUT = 60
_LOCK_POLL = 0.1
_TESTS = r"/_?tests?/"
_UNBUILT = re.compile(r"Failed to build `(?P<name>[\w.-]+)==(?P<version>[^`]+)`")
_PIN = re.compile(r"(?m)^[\w.-]+==\S+")
# A commit is its own hash; uv refuses hashes for such lines.
_VCS = re.compile(r"^\S+(\[[^]]*\])? @ (git|hg|svn|bzr)\+")


def environment_path(cache: Path, lock: Lock) -> Path:
    """Where the environment of a lock lies, or will lie."""
    return cache / "environments" / lock.identity


def python_of(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / "bin" / "python"


def is_realised(cache: Path, lock: Lock) -> bool:
    """Whether the environment is there and its base Python still exists."""
    return python_of(environment_path(cache, lock)).exists()


def realise(
    cache: Path, lock: Lock, *, on_event: Callable[[str], None], compiled: bool = True
) -> Path:
    """Make the virtual environment of a lock, if it is not there yet.

    Safe with several processes at once: the second waits for the first.

    Args:
        cache: The user's cache.
        lock: What to install.
        on_event: Told progress, a line at a time.
        compiled: Whether all modules are compiled now; else each is when it is first imported.

    Returns:
        The environment's Python.

    Raises:
        EnvironmentSetupError: It cannot be made; nothing is left behind.
    """
    place = environment_path(cache, lock)
    if not is_realised(cache, lock):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with exclusive(cache, lock.identity, on_wait=on_event):
                if not is_realised(cache, lock):
                    _build(place, lock, on_event, compiled=compiled)
        except OSError as error:
            raise EnvironmentSetupError(
                f"The environment '{lock.short}' cannot be written to '{place.parent}': "
                f"{error.strerror or error}.",
                hint="Free some space, or choose another folder with MLMAGIC_CACHE_DIR.",
            ) from error
    return python_of(place)


@contextmanager
def exclusive(
    cache: Path,
    identity: str,
    *,
    wait: bool = True,
    on_wait: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Hold the right to make or remove one environment.

    Raises:
        Timeout: Another process holds it, and ``wait`` is False.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(cache / "environments" / f".{identity}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        if not wait:
            raise
        if on_wait is not None:
            on_wait(f"environment {identity[:6]}: another process is making it; waiting")
        while not lock.is_locked:
            check()
            with suppress(Timeout):
                lock.acquire(timeout=_LOCK_POLL, poll_interval=_LOCK_POLL)
    try:
        yield
    finally:
        lock.release()


def _build(place: Path, lock: Lock, on_event: Callable[[str], None], *, compiled: bool) -> None:
    started = time.monotonic()
    # We hold the lock, so whoever began these is dead.
    for leftover in place.parent.glob(f".{lock.identity}.building-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    building = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{lock.identity}.building-"))
    try:
        on_event(
            f"environment {lock.short}: making (Python {lock.python_version}, "
            f"{len(lock.packages)} packages)"
        )
        _fill(building, lock, on_event)
        if compiled:
            _compile(building / "env", lock, on_event)
        if place.exists():  # its base Python is gone
            shutil.rmtree(place)
        (building / "env").rename(place)
    except UvError as error:
        raise EnvironmentSetupError(
            f"The environment '{lock.short}' cannot be made: {error.reason}",
            hint=_without_a_build(error, lock, building) or _way_out(error),
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    on_event(f"environment {lock.short}: ready in {time.monotonic() - started:.1f} s")


def _fill(building: Path, lock: Lock, on_event: Callable[[str], None]) -> None:
    try:
        run_uv(
            *("venv", "env", "--relocatable", "--no-project", "--python", _base_python(lock)),
            cwd=building,
            timeout=_VENV_TIMEOUT,
        )
    except UvError as error:
        if _base_python(lock) == sys.executable:
            raise
        raise EnvironmentSetupError(
            f"The environment '{lock.short}' needs Python {lock.python_version}, which is not "
            f"installed and could not be fetched: {error.reason}",
            hint=f"Install Python {lock.python_version}, or let the environment use this "
            "kernel's by naming none.",
        ) from error
    into = ["--python", str(python_of(building / "env"))]
    install(lock, into, cwd=building, on_event=on_event)


def _compile(environment: Path, lock: Lock, on_event: Callable[[str], None]) -> None:
    """Compile what services may import, so that no start pays for it.

    Packages' own tests are half of all code in the scientific ones; nobody imports them.
    """
    on_event(f"environment {lock.short}: compiling")
    site = next(environment.glob("lib/python*/site-packages"))
    command = [str(python_of(environment)), "-m", "compileall", "-qq", "-j", "0"]
    # A file that does not compile is one that cannot be imported either: no reason to stop.
    run_program([*command, "-x", _TESTS, "."], cwd=site, timeout=_INSTALL_TIMEOUT)


def install(lock: Lock, into: Sequence[str], *, cwd: Path, on_event: Callable[[str], None]) -> None:
    """Let uv install exactly what a lock names.

    Args:
        lock: The lock.
        into: uv's options that say where, such as ``--python PATH`` or ``--prefix FOLDER``.
        cwd: A folder for the requirements files.
        on_event: Told uv's progress.

    Raises:
        UvError: Something cannot be fetched, built or written.
    """
    hashed, unhashed = _split(lock.text)
    options = option_lines(lock.index_options)
    arguments = [*into, *option_arguments(lock.index_options)]

    def report(line: str) -> None:
        on_event(f"environment {lock.short}: {line[0].lower()}{line[1:]}")

    _install(cwd / "lock.txt", [*options, *hashed], [*arguments, "--require-hashes"], report)
    if unhashed:
        _install(cwd / "vcs.txt", [*options, *unhashed], arguments, report)


def _install(
    file: Path, lines: list[str], options: list[str], report: Callable[[str], None]
) -> None:
    file.write_text("\n".join(lines) + "\n", "utf-8")
    arguments = ["pip", "install", "--requirements", file.name, "--no-deps", *options]
    run = partial(run_uv, cwd=file.parent, timeout=_INSTALL_TIMEOUT, on_line=report)
    # What the cache holds needs no index, and pinned files do not change: ask the network only
    # for what is missing.
    try:
        run(*arguments, "--offline")
    except UvError:
        run(*arguments)


def _split(text: str) -> tuple[list[str], list[str]]:
    lines = text.splitlines()
    return (
        [line for line in lines if not _VCS.match(line)],
        [line for line in lines if _VCS.match(line)],
    )


def _base_python(lock: Lock) -> str:
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    return sys.executable if lock.python_version == running else lock.python_version


def _without_a_build(error: UvError, lock: Lock, cwd: Path) -> str | None:
    """Name the next version that has a wheel, where an old one could not be built."""
    failed = _UNBUILT.search(error.reason)
    if failed is None:
        return None
    name, version = failed["name"], failed["version"]
    wanted = [*option_lines(lock.index_options), f"{name}>={version}"]
    (cwd / "later.in").write_text("\n".join(wanted) + "\n", "utf-8")
    try:
        run_uv(
            *("pip", "compile", "later.in", "--output-file", "later.txt", "--no-deps"),
            *("--only-binary", ":all:", "--resolution", "lowest-direct"),
            *("--python-version", lock.python_version, *option_arguments(lock.index_options)),
            cwd=cwd,
            timeout=_LOOK_TIMEOUT,
        )
    except UvError:
        return None
    found = _PIN.search((cwd / "later.txt").read_text("utf-8"))
    return found and (
        f"'{name}=={version}' has no wheel for Python {lock.python_version}; "
        f"'{found[0]}' is the next version that has one."
    )


def _way_out(error: UvError) -> str:
    if error.network:
        return "Check the network and the index settings, then try again."
    if "hash" in error.reason.lower():
        return "A file on the index is not the one that was locked; lock the environment again."
    if "no space" in error.reason.lower():
        return "Free some space, or choose another folder with MLMAGIC_CACHE_DIR."
    return "Lock the environment again, or change its requirements."
