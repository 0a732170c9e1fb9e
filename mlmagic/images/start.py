#!/usr/bin/env python3
"""Serve what lies in this folder: ``./start [--port N] [--address A] [--auth key|none] …``.

Needs Python alone, of the version that ``bundle.json`` names: no network, no pip, no ``venv``. The
first start installs the wheels that it names into ``venv/``, and so does the first one after a
newer bundle came over this one. Where keys are asked for, they lie in ``keys.json`` here and are
made on the first start.
"""

import json
import os
import platform
import secrets
import shutil
import subprocess
import sys
import zipfile
import zlib
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path

_KEPT = "wheels.json"  # of 'venv': what it was made of
# Stands beside 'python' wherever the folder is moved to.
_PROGRAM = """#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"
' '''
"""
_CALL = """import sys
from {module} import {first}
sys.exit({attribute}())
"""


def main() -> None:
    """Make the environment fit this machine, and become the scoring server."""
    folder = Path(__file__).resolve().parent
    facts = json.loads((folder / "bundle.json").read_text())
    _check_platform(facts["platform"])
    python = _find_python(facts["python"])
    _prepare(folder, python, facts["python"], facts["wheels"])
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


def _prepare(folder: Path, python: str, version: str, wheels: dict[str, str]) -> None:
    """Make the environment what the bundle and this machine's Python want; one start at a time."""
    venv, wanted = folder / "venv", json.dumps({"python": version, "wheels": wheels})
    if _has(venv, wanted) and _points_to(venv, python, version):
        return
    import fcntl  # what is refused before has none

    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _has(venv, wanted):
            _install(folder, python, version, wheels, wanted)
        if not _points_to(venv, python, version):
            _point_to(venv, python, version)


def _has(venv: Path, wanted: str) -> bool:
    kept = venv / _KEPT
    return kept.exists() and kept.read_text() == wanted


def _install(folder: Path, python: str, version: str, wheels: dict[str, str], kept: str) -> None:
    """Install the wheels: whole, or not at all."""
    files = [folder / "wheels" / name for name in wheels]
    for file in files:
        if not file.is_file():
            sys.exit(f"The file '{file}' is missing; copy the bundle again.")
    print(f"This start installs {len(files)} wheels.", file=sys.stderr)  # noqa: T201
    venv, building, before = (folder / name for name in ("venv", ".venv", ".venv-before"))
    for left in (building, before):
        shutil.rmtree(left, ignore_errors=True)
    site = building / "lib" / f"python{version}" / "site-packages"
    (building / "bin").mkdir(parents=True)
    (building / "bin" / "python3").symlink_to("python")
    for file in files:
        try:
            _unpack(file, site, building)
        except (zipfile.BadZipFile, zlib.error) as error:
            sys.exit(f"The file '{file}' is damaged ({error}); copy the bundle again.")
    _write_programs(site, building / "bin")
    compiling = ["-m", "compileall", "-qq", "-j", "0", "-x", r"/_?tests?/", "."]
    subprocess.run([python, "-I", *compiling], cwd=site, check=False)
    (building / _KEPT).write_text(kept)
    if venv.exists():
        venv.rename(before)
    building.rename(venv)
    shutil.rmtree(before, ignore_errors=True)


def _unpack(wheel: Path, site: Path, building: Path) -> None:
    """See https://packaging.python.org/en/latest/specifications/binary-distribution-format/ ."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, site))
            if (entry.external_attr >> 16) & 0o100:
                path.chmod(0o755)
    for data in site.glob("*.data"):
        for script in data.glob("scripts/*"):
            text = script.read_bytes()
            if text.startswith(b"#!python"):
                script.write_bytes(_PROGRAM.encode() + text.partition(b"\n")[2])
            script.rename(building / "bin" / script.name)
        if (data / "data").is_dir():
            shutil.copytree(data / "data", building, dirs_exist_ok=True)
        shutil.rmtree(data)


def _write_programs(site: Path, folder: Path) -> None:
    for entry in (each for found in distributions(path=[str(site)]) for each in found.entry_points):
        if entry.group in ("console_scripts", "gui_scripts"):
            first = entry.attr.partition(".")[0]
            call = _CALL.format(module=entry.module, first=first, attribute=entry.attr)
            (folder / entry.name).write_text(_PROGRAM + call)
            (folder / entry.name).chmod(0o755)


def _points_to(venv: Path, python: str, version: str) -> bool:
    config = venv / "pyvenv.cfg"
    is_right = config.exists() and config.read_text() == _config(python, version)
    return is_right and (venv / "bin" / "python").exists()


def _point_to(venv: Path, python: str, version: str) -> None:
    link = venv / "bin" / "python"
    fresh = link.with_name(".python")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(python)
    fresh.replace(link)
    (venv / "pyvenv.cfg").write_text(_config(python, version))


def _config(python: str, version: str) -> str:
    home = Path(python).parent
    return f"home = {home}\ninclude-system-site-packages = false\nversion = {version}\n"


def _write_keys(file: Path) -> None:
    content = {"primary": secrets.token_urlsafe(32), "secondary": secrets.token_urlsafe(32)}
    with suppress(FileExistsError):  # another first start was faster
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
