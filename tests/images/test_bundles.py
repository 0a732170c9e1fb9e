"""Bundles: wheels, server, models and a program that starts them where there is Python alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from mlmagic import Workspace
from tests.engine.registry import free_port
from tests.images.serving import ANSWER, serve

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.fixtures import TestEngine


def packed(workspace: Workspace, place: Path, **options: str) -> Path:
    workspace.package_models(
        ["words:1"],
        script=workspace.root / "score.py",
        to="bundle",
        output_path=place,
        **options,
    )
    return place


@pytest.mark.parametrize("name", ["bundle", "bundle.tar.gz"])
def test_a_bundle_serves_with_python_alone(workspace: Workspace, tmp_path: Path, name: str) -> None:
    packed(workspace, tmp_path / name)
    if name.endswith(".gz"):
        with tarfile.open(tmp_path / name) as tar:
            tar.extractall(tmp_path, filter="tar")
    assert not (tmp_path / "bundle" / "venv").exists()
    python = tmp_path / "empty" / "bin" / "python"
    subprocess.run(["uv", "venv", "-q", tmp_path / "empty"], check=True, timeout=120)
    port = free_port()
    process = subprocess.Popen(
        [python, tmp_path / "bundle" / "start", "--port", str(port)],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port)
        keys = json.loads((tmp_path / "bundle" / "keys.json").read_text())
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/score",
            b'{"x": 2}',
            {"Authorization": f"Bearer {keys['primary']}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer) == ANSWER
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.mark.docker
def test_a_bundle_serves_on_a_bare_debian_without_pip_venv_or_network(
    docker_engine: TestEngine, workspace: Workspace, tmp_path: Path
) -> None:
    bundle = packed(workspace, tmp_path / "bundle", auth="none")
    bundle.chmod(0o755)
    lacks = docker_engine.client.containers.run(
        docker_engine.base, ["python3", "-m", "venv", "/tmp/v"], detach=True
    )
    try:
        assert lacks.wait()["StatusCode"] != 0
    finally:
        lacks.remove(force=True)
    options = {
        "volumes": {str(bundle): {"bind": "/moved/bundle", "mode": "rw"}},
        "user": f"{os.getuid()}:{os.getgid()}",
        "read_only": True,
    }
    command = ["/moved/bundle/start", "--address", "0.0.0.0"]
    assert serve(docker_engine, docker_engine.base, command=command, **options) == ANSWER
    assert (bundle / "venv" / "bin" / "python").is_symlink()


def test_wheels_of_a_bundle_are_wheels_and_the_same_each_time(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = []
    for name in ("one", "two"):
        monkeypatch.setenv("MLMAGIC_CACHE_DIR", str(tmp_path / f"cache-{name}"))
        bundle = packed(Workspace(workspace.root), tmp_path / name)
        wheels.append({file.name: file.read_bytes() for file in (bundle / "wheels").iterdir()})
    assert wheels[0]
    assert wheels[0] == wheels[1]
    subprocess.run(["uv", "venv", "-q", tmp_path / "empty"], check=True, timeout=120)
    install = ["uv", "pip", "install", "-q", "--offline", "--no-index", "--no-deps"]
    files = sorted((tmp_path / "one" / "wheels").iterdir())
    python = tmp_path / "empty" / "bin" / "python"
    subprocess.run([*install, "--python", python, *files], check=True, timeout=300)
    check = ["uv", "pip", "check", "--python", python]
    subprocess.run(check, check=True, timeout=60)


def test_programs_of_packages_run_wherever_the_bundle_is_moved_to(
    workspace: Workspace, tmp_path: Path
) -> None:
    bundle = packed(workspace, tmp_path / "bundle", auth="none")
    _start_once(bundle)
    moved = bundle.rename(tmp_path / "moved")
    _start_once(moved)
    programs = [each for each in (moved / "venv" / "bin").iterdir() if not each.is_symlink()]
    assert programs
    for each in programs:
        assert each.stat().st_mode & 0o111
        assert str(tmp_path) not in each.read_text()
    uvicorn = [moved / "venv" / "bin" / "uvicorn", "--version"]
    assert b"CPython" in subprocess.run(uvicorn, check=True, capture_output=True).stdout


def test_a_damaged_wheel_is_told_and_nothing_half_made_stays(
    workspace: Workspace, tmp_path: Path
) -> None:
    bundle = packed(workspace, tmp_path / "bundle")
    wheel = max((bundle / "wheels").iterdir(), key=lambda file: file.stat().st_size)
    data = wheel.read_bytes()
    wheel.write_bytes(data[: len(data) // 2])
    ran = subprocess.run(
        [bundle / "start"], check=False, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 1
    assert f"'{wheel}' is damaged" in ran.stderr
    assert not (bundle / "venv").exists()
    wheel.write_bytes(data)
    _start_once(bundle)


def test_a_first_start_that_is_killed_is_done_again(workspace: Workspace, tmp_path: Path) -> None:
    bundle = packed(workspace, tmp_path / "bundle", auth="none")
    process = subprocess.Popen([bundle / "start", "--port", "0"], start_new_session=True)
    while not (bundle / ".venv" / "lib").exists():
        assert process.poll() is None
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (bundle / "venv").exists()
    _start_once(bundle)
    assert not (bundle / ".venv").exists()


def test_a_wheel_that_was_not_copied_is_missed(workspace: Workspace, tmp_path: Path) -> None:
    bundle = packed(workspace, tmp_path / "bundle", auth="none")
    wheel = next((bundle / "wheels").glob("click-*"))
    kept = wheel.rename(tmp_path / wheel.name)
    ran = subprocess.run(
        [bundle / "start"], check=False, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 1
    assert f"'{wheel}' is missing; copy the bundle again" in ran.stderr
    assert not (bundle / "venv").exists()
    kept.rename(wheel)
    _start_once(bundle)


def test_a_newer_bundle_over_an_older_one_serves_with_its_own_packages(
    workspace: Workspace, tmp_path: Path
) -> None:
    for version in ("2.0.0", "2.1.0"):
        workspace.define_environment(f"with-{version}", f"iniconfig=={version}")
    bundle = packed(workspace, tmp_path / "bundle", auth="none", environment="with-2.0.0")
    newer = packed(workspace, tmp_path / "newer", auth="none", environment="with-2.1.0")
    _start_once(bundle)
    site = next((bundle / "venv" / "lib").glob("python*/site-packages"))
    assert (site / "iniconfig-2.0.0.dist-info").is_dir()
    shutil.copytree(newer, bundle, dirs_exist_ok=True)  # as tar does: what was there stays
    _start_once(bundle)
    assert [each.name for each in site.glob("iniconfig-*")] == ["iniconfig-2.1.0.dist-info"]
    made = site.stat().st_ino
    _start_once(bundle)
    assert site.stat().st_ino == made  # and is kept


def test_two_first_starts_at_a_time_both_serve(workspace: Workspace, tmp_path: Path) -> None:
    bundle = packed(workspace, tmp_path / "bundle")
    ports = [free_port(), free_port()]
    servers = [subprocess.Popen([bundle / "start", "--port", str(port)]) for port in ports]
    try:
        for port in ports:
            _wait(port)
    finally:
        for server in servers:
            server.terminate()
            server.wait(timeout=60)


def test_a_bundle_refuses_another_python(workspace: Workspace, tmp_path: Path) -> None:
    bundle = packed(workspace, tmp_path / "b")
    facts = bundle / "bundle.json"
    facts.write_text(facts.read_text().replace('"python": "3.', '"python": "9.'))
    ran = subprocess.run(
        [bundle / "start"], check=False, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 1
    assert "This bundle needs Python 9." in ran.stderr


def _start_once(bundle: Path) -> None:
    port = free_port()
    process = subprocess.Popen([bundle / "start", "--port", str(port)])
    try:
        _wait(port)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
        else:
            return
    pytest.fail("the bundle does not answer")
