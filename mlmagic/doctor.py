"""What this machine has for mlmagic, and what to do about what is missing.

Every check answers in a few seconds at most, changes nothing, and needs no network.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic._version import __version__
from mlmagic.entities import Check, DoctorReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SECONDS = 5
_LITTLE_DISK = 2 * 10**9
_GIGABYTE = 10**9
_OLDEST_PYTHON = (3, 11)
_BUNDLE = Path(__file__).parent / "panels" / "static" / "service.js"


def examine(root: Path, cache: Path, problems: Sequence[str] = ()) -> DoctorReport:
    """Look at this machine.

    Args:
        root: Folder of the workspace.
        cache: Folder of the realised environments.
        problems: What is wrong with the settings.
    """
    return DoctorReport(checks=tuple(_checks(root, cache, problems)))


def _checks(root: Path, cache: Path, problems: Sequence[str]) -> Iterator[Check]:
    yield Check(name="mlmagic", state="ok", found=f"{__version__} in {Path(__file__).parent}")
    yield _python()
    yield _kernel()
    yield _uv()
    yield _settings(problems)
    yield _folder("workspace", root)
    yield _folder("environments", cache)
    yield _front_end()
    yield _docker()
    yield _kubernetes()


def _python() -> Check:
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info >= _OLDEST_PYTHON:
        return Check(name="Python", state="ok", found=found)
    return Check(
        name="Python", state="missing", found=found, advice="Install Python 3.11 or later."
    )


def _kernel() -> Check:
    version = _version("ipykernel")
    if version is None:
        advice = "Run: pip install ipykernel."
        return Check(name="kernel", state="missing", found="no ipykernel", advice=advice)
    inside = "running in a kernel" if "ipykernel" in sys.modules else "not running in a kernel"
    found = f"ipykernel {version}, IPython {_version('ipython')}, {inside}"
    return Check(name="kernel", state="ok", found=found)


def _uv() -> Check:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.is_file() else shutil.which("uv")
    answer = _output([uv, "--version"]) if uv else None
    if answer is None:
        advice = "Run: pip install uv."
        return Check(name="uv", state="missing", found="no uv that runs", advice=advice)
    return Check(name="uv", state="ok", found=f"{answer} ({uv})")


def _settings(problems: Sequence[str]) -> Check:
    if not problems:
        return Check(name="settings", state="ok", found="all can be read")
    return Check(
        name="settings",
        state="missing",
        found=f"{len(problems)} wrong",
        advice=" ".join(problems),
    )


def _folder(name: str, folder: Path) -> Check:
    """Whether a folder, which may not exist yet, can be written and has room."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    found = f"{folder}, {free / _GIGABYTE:.1f} GB free"
    if not os.access(existing, os.W_OK):
        advice = f"Make '{existing}' writable, or choose another folder."
        return Check(name=name, state="missing", found=f"{found}, read-only", advice=advice)
    if free < _LITTLE_DISK:
        advice = "Free some space; '%ml environment prune' deletes unused environments."
        return Check(name=name, state="missing", found=found, advice=advice)
    return Check(name=name, state="ok", found=found)


def _front_end() -> Check:
    versions = {name: _version(name) for name in ("anywidget", "ipywidgets", "jupyterlab")}
    found = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    if not (versions["anywidget"] and versions["ipywidgets"] and _BUNDLE.is_file()):
        advice = "Install mlmagic again: pip install --force-reinstall jupyter-mlmagic."
        return Check(name="panels", state="optional", found=found or "nothing", advice=advice)
    if not versions["jupyterlab"]:
        advice = "For notebooks in a browser, run: pip install 'jupyter-mlmagic[lab]'."
        return Check(
            name="panels", state="optional", found=f"{found}, no JupyterLab", advice=advice
        )
    return Check(name="panels", state="ok", found=found)


def _docker() -> Check:
    """Ask the engine that DOCKER_HOST or the current context names."""
    advice = "Services on this machine do not need it. For containers, start a Docker engine."
    try:
        from mlmagic.images import connect

        with contextlib.closing(connect(timeout=_SECONDS)) as client:
            version = client.version(api_version=False)["Version"]
    except Exception as error:  # noqa: BLE001 - whatever it is, there is no engine
        return Check(name="Docker", state="optional", found=_first_line(error), advice=advice)
    return Check(name="Docker", state="ok", found=f"engine {version}")


def _kubernetes() -> Check:
    """Look for a configuration; the cluster is not asked."""
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        return Check(name="Kubernetes", state="ok", found="running inside a cluster")
    default = str(Path.home() / ".kube" / "config")
    named = os.environ.get("KUBECONFIG") or default
    present = [path for path in named.split(os.pathsep) if path and Path(path).is_file()]
    if present:
        return Check(name="Kubernetes", state="ok", found=f"kubeconfig {', '.join(present)}")
    advice = "Services on this machine do not need it. For clusters, set KUBECONFIG."
    return Check(name="Kubernetes", state="optional", found="no kubeconfig", advice=advice)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _output(command: list[str]) -> str | None:
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return "not reachable: " + text.splitlines()[0][:120]
