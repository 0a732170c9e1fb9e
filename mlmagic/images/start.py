#!/usr/bin/env python3
"""Serve what lies in this folder: ``./start [--port N] [--address A] [--auth key|none] …``.

Needs Python alone, of the version that ``bundle.json`` names; no network, no pip. Where keys are
asked for, they lie in ``keys.json`` here and are made on the first start.
"""

import json
import os
import platform
import secrets
import shutil
import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Make the environment fit this machine, and become the scoring server."""
    folder = Path(__file__).resolve().parent
    facts = json.loads((folder / "bundle.json").read_text())
    _check_platform(facts["platform"])
    _prepare(folder / "venv", _find_python(facts["python"]), facts["python"])
    arguments = [*facts["arguments"], *sys.argv[1:]]
    keys = folder / "keys.json"
    if "key" in arguments and not keys.exists():
        _write_keys(keys)
    os.environ.update(facts["variables"])
    os.environ.update(
        {
            "AML_APP_ROOT": str(folder / "app"),
            "PYTHONPATH": os.pathsep.join(
                part
                for part in (str(folder / "runtime"), facts["variables"].get("PYTHONPATH"))
                if part
            ),
            "PYTHONUNBUFFERED": "1",
            "VIRTUAL_ENV": str(folder / "venv"),
            "PATH": f"{folder / 'venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }
    )
    os.environ.setdefault("MLMAGIC_SECRETS_DIR", str(folder / "secrets"))
    sample = folder / "service" / "sample"
    if sample.exists():
        arguments = ["--sample", str(sample), *arguments]
    program = str(folder / "venv" / "bin" / "python")
    os.execv(  # noqa: S606 - this process becomes the server
        program,
        [program, "-P", "-m", "mlmagic.scoring", "--keys-file", str(keys), *arguments],
    )


def _find_python(version: str) -> str:
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        return os.path.realpath(sys.executable)
    found = shutil.which(f"python{version}")
    if found is None:
        sys.exit(f"This bundle needs Python {version}; this is {platform.python_version()}.")
    show = "import os, sys; print(os.path.realpath(sys.executable))"
    return subprocess.run(
        [found, "-c", show], check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()


def _prepare(venv: Path, python: str, version: str) -> None:
    """Point the environment at this machine's Python."""
    home = Path(python).parent
    wanted = f"home = {home}\ninclude-system-site-packages = false\nversion = {version}\n"
    config, link = venv / "pyvenv.cfg", venv / "bin" / "python"
    if config.read_text() == wanted and link.exists():
        return
    fresh = link.with_name(".python")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(python)
    fresh.replace(link)
    config.write_text(wanted)


def _write_keys(file: Path) -> None:
    content = {"primary": secrets.token_urlsafe(32), "secondary": secrets.token_urlsafe(32)}
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(content, stream)


def _check_platform(wanted: str) -> None:
    here = f"{sys.platform}-{platform.machine()}"
    musl = platform.libc_ver()[0] != "glibc"
    if here != wanted.removesuffix("-musl") or musl != wanted.endswith("-musl"):
        sys.exit(f"This bundle is for '{wanted}'; this is '{here}{'-musl' if musl else ''}'.")


if __name__ == "__main__":
    main()
