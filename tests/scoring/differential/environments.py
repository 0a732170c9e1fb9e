"""Virtual environments of other servers, kept from run to run."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import platformdirs
from filelock import FileLock
from uv import find_uv_bin

ROOT = Path(__file__).resolve().parents[3]
OURS = tuple(
    line
    for line in (ROOT / "mlmagic" / "scoring" / "requirements.txt").read_text().splitlines()
    if line and not line.startswith("#")
)
AZMLINFSRV = (
    "azureml-inference-server-http==1.5.1",
    "inference-schema[numpy-support,pandas-support]==1.8",
    "azureml-contrib-services",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "scikit-learn",
    *OURS,
)


def cache() -> Path:
    """Where they are kept; MLMAGIC_TEST_CACHE chooses another place."""
    chosen = os.environ.get("MLMAGIC_TEST_CACHE")
    return Path(chosen or platformdirs.user_cache_dir("mlmagic-tests"))


def environment(requirements: tuple[str, ...]) -> Path:
    """Return the folder of an environment that has these; it is made where there is none.

    Raises:
        subprocess.CalledProcessError: It cannot be made; its output says why.
    """
    named = "\n".join((sys.version, *requirements))
    home = cache() / hashlib.sha256(named.encode()).hexdigest()[:16]
    cache().mkdir(parents=True, exist_ok=True)
    with FileLock(f"{home}.lock"):
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            _uv("venv", "--python", sys.executable, str(home))
            _uv("pip", "install", "--python", str(home), "--compile-bytecode", *requirements)
            (home / "complete").write_text("\n".join(requirements))
    return home


def _uv(*arguments: str) -> None:
    command = [find_uv_bin(), "--quiet", *arguments]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)


def island() -> Path:
    """Return a new folder that holds mlmagic.scoring and nothing else of mlmagic."""
    folder = Path(tempfile.mkdtemp(prefix="island-"))
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "mlmagic" / "scoring", folder / "mlmagic" / "scoring", ignore=ignored)
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(folder)], check=True)
    return folder


if __name__ == "__main__":  # before the tests, so that none of them waits for it
    environment(AZMLINFSRV)
