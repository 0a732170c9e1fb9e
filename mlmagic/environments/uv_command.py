"""Running uv: a clean environment, progress as it comes, errors in few lines."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from mlmagic.cancelling import ending
from mlmagic.errors import EnvironmentSetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

# Where packages come from and how they travel is the machine's business; everything else of
# uv's own settings would make the same environment come out differently elsewhere.
_KEPT_SETTINGS = (
    "UV_CACHE_DIR",
    "UV_CONCURRENT_",
    "UV_CONFIG_FILE",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_HTTP_",
    "UV_INDEX",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_LINK_MODE",
    "UV_NATIVE_TLS",
    "UV_NO_CACHE",
    "UV_NO_CONFIG",
    "UV_NO_INDEX",
    "UV_OFFLINE",
    "UV_PYTHON_DOWNLOADS",
    "UV_PYTHON_INSTALL_",
    "UV_SYSTEM_CERTS",
)
INDEX_SETTINGS = (
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_NO_INDEX",
)
_DROPPED = {
    "CONDA_PREFIX",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
}
_PROGRESS = re.compile(
    r"(Prepared|Installed|Downloading|Downloaded|Building|Built|Bytecode compiled)\b"
)
_LINK = re.compile(r"(error:|\s+cause:|\s*hint:) (?P<text>.*)")
_NETWORK = re.compile(
    r"Request failed after|Failed to fetch|error sending request|dns error|network was disabled"
    r"|Could not resolve host|timed out",
    re.IGNORECASE,
)


class UvError(Exception):
    """uv failed.

    Args:
        reason: What uv said, condensed.
        network: Whether it looks as if an index could not be reached.
    """

    def __init__(self, reason: str, *, network: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.network = network


def run_uv(
    *arguments: str,
    cwd: Path,
    timeout: float,
    on_line: Callable[[str], None] | None = None,
    extra: dict[str, str] | None = None,
) -> None:
    """Run one uv command to its end.

    Args:
        arguments: The command and its options.
        cwd: A folder without a project, so that no ``uv.toml`` above the user's files counts.
        timeout: Seconds until uv is killed.
        on_line: Told each line of uv's progress.
        extra: More environment variables.

    Raises:
        UvError: uv failed, or took too long.
        EnvironmentSetupError: uv is not installed.
    """
    command = [_binary(), *arguments, "--color", "never", "--no-progress"]
    status, lines = run_program(command, cwd=cwd, timeout=timeout, on_line=on_line, extra=extra)
    if status < 0:
        raise UvError(f"uv {arguments[0]} was ended from outside, by signal {-status}.")
    if status:
        text = "\n".join(lines)
        network = bool(_NETWORK.search(text))
        raise UvError(condense(text, limit=2 if network else 4), network=network)


def run_program(
    command: Sequence[str],
    *,
    cwd: Path,
    timeout: float,
    on_line: Callable[[str], None] | None = None,
    extra: dict[str, str] | None = None,
) -> tuple[int, list[str]]:
    """Run a program of an environment's making; it ends with us, with all it started.

    Returns:
        Its exit status and what it wrote to standard error.

    Raises:
        UvError: It took too long.
        CancelledError: What this thread does was cancelled.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**clean_environment(), **(extra or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # so that what it started can be ended with it
    )
    late = threading.Event()

    def stop() -> None:
        late.set()
        _kill(process)

    timer = threading.Timer(timeout, stop)
    timer.daemon = True
    timer.start()
    try:
        with ending(lambda: _kill(process)):
            lines = _follow(process, on_line)
            status = process.wait()
    except BaseException:
        _kill(process)
        process.wait()
        raise
    finally:
        timer.cancel()
        if process.stderr is not None:
            process.stderr.close()
    if late.is_set():
        name = os.path.basename(command[0])  # noqa: PTH119 - a name, not a file
        raise UvError(f"{name} {command[1]} took more than {timeout:.0f} s and was stopped.")
    return status, lines


def _follow(process: subprocess.Popen[str], on_line: Callable[[str], None] | None) -> list[str]:
    lines: list[str] = []
    for raw in process.stderr or ():
        line = raw.rstrip()
        lines.append(line)
        if on_line is not None and _PROGRESS.match(line.strip()):
            on_line(line.strip())
    return lines


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def clean_environment() -> dict[str, str]:
    """The variables of this process without what would steer uv or a child Python."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _DROPPED and (not name.startswith("UV_") or name.startswith(_KEPT_SETTINGS))
    }


def condense(text: str, *, limit: int = 4) -> str:
    """Keep of uv's error what says why, as sentences.

    Args:
        text: What uv wrote to its standard error.
        limit: Links of its chain of causes to keep at most.

    Example:
        >>> condense("error: Because a needs b, we can conclude that this cannot be.")
        'Because a needs b, we can conclude that this cannot be.'
    """
    links: list[str] = []
    going_on = False
    for line in text.splitlines():
        if match := _LINK.match(line):
            links.append(match["text"])
        elif going_on and line.startswith(" ") and line.strip():
            links[-1] += " " + line.strip()
        going_on = bool(match or (going_on and line.strip()))
    said = [_plain(link) for link in links if not link.startswith("No solution found")]
    said = said or [" ".join(text.split())[-500:]]
    # The first says what, the last why; what lies between is uv's own call chain.
    if len(said) > limit:
        said = [*said[: limit // 2], *said[-(limit - limit // 2) :]]
    return "; ".join(link.removesuffix(".") for link in said) + "."


def _plain(link: str) -> str:
    link = re.sub(r"\{(python|platform|sys|os)_[^}]*\}", "", link)
    link = re.sub(r",? we can conclude that your requirements are unsatisfiable\.?", "", link)
    return link.replace(". And because you require", ", but you require")


def _binary() -> str:
    import uv

    try:
        return str(uv.find_uv_bin())
    except FileNotFoundError as error:
        raise EnvironmentSetupError(
            "The program 'uv' is missing from this Python.",
            hint="Install it: pip install uv.",
        ) from error
