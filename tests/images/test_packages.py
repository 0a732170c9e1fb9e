"""Packages in all forms, made by the verb and started as a stranger would start them."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from mlmagic import Workspace
from mlmagic.errors import ConfigurationError, ImageBuildError, TargetUnavailableError
from tests.engine.registry import free_port
from tests.images.serving import serve

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.fixtures import TestEngine
    from tests.engine.registry import Registry

SCRIPT = """
import json
import os

def init():
    global words
    folder = os.environ["AZUREML_MODEL_DIR"]
    with open(os.path.join(folder, "words.txt")) as file:
        words = file.read()

def run(raw_data):
    return {**json.loads(raw_data), "words": words}
"""
LOOKING = """
import os

def init():
    pass

def run(raw_data):
    source = os.environ.get("AZUREML_SOURCE_DIRECTORY", "")
    return [sorted(os.listdir(os.environ["AML_APP_ROOT"])), source]
"""
ANSWER = {"x": 2, "words": "some words"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with a model and a script beside it."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "score.py").write_text(SCRIPT)
    (folder / "words.txt").write_text("some words")
    workspace = Workspace(folder)
    workspace.register_model(folder / "words.txt", name="words")
    return workspace


def test_an_image_in_the_engine_answers(docker_engine: TestEngine, workspace: Workspace) -> None:
    made = workspace.package_models(
        ["words:1"],
        script=workspace.root / "score.py",
        base_image=docker_engine.base,
        auth="none",
        image_name="mlmagic-tests/package",
        image_label="1",
    )
    try:
        assert made.location == "mlmagic-tests/package:1"
        assert made.image_id == docker_engine.client.images.get(made.location).id
        assert serve(docker_engine, made.location) == ANSWER
    finally:
        docker_engine.client.images.remove(made.location, force=True)


def test_keys_guard_an_image_that_was_not_told_otherwise(
    docker_engine: TestEngine, workspace: Workspace, tmp_path: Path
) -> None:
    made = workspace.package_models(
        ["words:1"], script=workspace.root / "score.py", base_image=docker_engine.base
    )
    keys = tmp_path / "keys.json"
    keys.write_text('{"primary": "one", "secondary": "two"}')
    keys.chmod(0o600)
    try:
        assert "keys file '/run/mlmagic/keys.json' cannot be used" in str(
            serve(docker_engine, made.location)
        )
        mount = {str(keys): {"bind": "/run/mlmagic/keys.json", "mode": "ro"}}
        options = {"volumes": mount, "user": f"{os.getuid()}:0"}
        assert serve(docker_engine, made.location, key="one", **options) == ANSWER
        with pytest.raises(urllib.error.HTTPError, match="401"):
            serve(docker_engine, made.location, key="wrong", **options)
    finally:
        docker_engine.client.images.remove(made.location, force=True)


def test_a_dockerfile_builds_without_a_network(
    docker_engine: TestEngine, workspace: Workspace, tmp_path: Path
) -> None:
    made = workspace.package_models(
        ["words:1"],
        script=workspace.root / "score.py",
        base_image=docker_engine.base,
        auth="none",
        variables={"NOTE": 'a "quoted" $HOME\\ note'},
        output_path=tmp_path / "context",
    )
    assert made.form == "dockerfile"
    model = tmp_path / "context" / "azureml-app" / "azureml-models" / "words" / "1" / "words.txt"
    assert model.read_text() == "some words"
    image, _ = docker_engine.client.images.build(
        path=str(tmp_path / "context"), network_mode="none", tag="mlmagic-tests/built", rm=True
    )
    try:
        assert 'NOTE=a "quoted" $HOME\\ note' in image.attrs["Config"]["Env"]
        assert serve(docker_engine, image.id, read_only=True) == ANSWER
    finally:
        docker_engine.client.images.remove(image.id, force=True)


def test_a_dockerfile_on_an_image_of_ours_shows_nothing_of_its_service(
    docker_engine: TestEngine, workspace: Workspace, tmp_path: Path
) -> None:
    below = workspace.package_models(
        ["words:1"],
        script=workspace.root / "score.py",
        source_directory=workspace.root,
        base_image=docker_engine.base,
        auth="none",
        image_name="mlmagic-tests/below",
        image_label="1",
    )
    (tmp_path / "look.py").write_text(LOOKING)
    try:
        workspace.package_models(
            script=tmp_path / "look.py",
            base_image=below.location,
            auth="none",
            output_path=tmp_path / "context",
        )
        image, _ = docker_engine.client.images.build(
            path=str(tmp_path / "context"), network_mode="none", rm=True
        )
        try:
            assert serve(docker_engine, image.id, read_only=True) == [["look.py"], ""]
        finally:
            docker_engine.client.images.remove(image.id, force=True)
    finally:
        docker_engine.client.images.remove(below.location, force=True)


@pytest.mark.parametrize("name", ["layout", "layout.tar"])
def test_skopeo_reads_our_layouts(
    docker_engine: TestEngine, workspace: Workspace, tmp_path: Path, name: str
) -> None:
    made = workspace.package_models(
        ["words:1"],
        script=workspace.root / "score.py",
        base_image=docker_engine.base,
        auth="none",
        to="oci",
        output_path=tmp_path / name,
    )
    kind = "oci-archive" if name.endswith(".tar") else "oci"
    asked = subprocess.run(
        ["skopeo", "inspect", "--raw", f"{kind}:{tmp_path / name}"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert json.loads(asked.stdout)["config"]["digest"] == made.image_id
    target = "docker-daemon:mlmagic-tests/from-skopeo:1"
    copy = ["skopeo", "copy", "-q", f"{kind}:{tmp_path / name}", target]
    subprocess.run(copy, check=True, timeout=120)
    try:
        assert serve(docker_engine, "mlmagic-tests/from-skopeo:1") == ANSWER
    finally:
        docker_engine.client.images.remove("mlmagic-tests/from-skopeo:1", force=True)


def test_a_layout_is_a_base_too(
    docker_engine: TestEngine,
    workspace: Workspace,
    tmp_path: Path,
    image_registry: Registry,
    unique: str,
) -> None:
    base = f"docker-daemon:{docker_engine.base}"
    copy = ["skopeo", "copy", "-q", base, f"oci:{tmp_path / 'base'}:1"]
    subprocess.run(copy, check=True, timeout=120)
    reference = f"{image_registry.address}/{unique}:1"
    made = workspace.package_models(
        ["words:1"],
        script=workspace.root / "score.py",
        base_image=f"oci:{tmp_path / 'base'}",
        auth="none",
        push=reference,
    )
    pulled = docker_engine.client.images.pull(reference)
    try:
        assert pulled.id == made.image_id
        assert serve(docker_engine, reference) == ANSWER
    finally:
        docker_engine.client.images.remove(pulled.id, force=True)


@pytest.mark.parametrize("name", ["bundle", "bundle.tar.gz"])
def test_a_bundle_serves_with_python_alone(workspace: Workspace, tmp_path: Path, name: str) -> None:
    workspace.package_models(
        ["words:1"], script=workspace.root / "score.py", to="bundle", output_path=tmp_path / name
    )
    if name.endswith(".gz"):
        with tarfile.open(tmp_path / name) as tar:
            tar.extractall(tmp_path, filter="tar")
    venv = tmp_path / "empty"
    subprocess.run(["uv", "venv", "-q", venv], check=True, timeout=120)
    port = free_port()
    process = subprocess.Popen(
        [venv / "bin" / "python", tmp_path / "bundle" / "start", "--port", str(port)],
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


def test_a_bundle_refuses_another_python(workspace: Workspace, tmp_path: Path) -> None:
    workspace.package_models(
        ["words:1"], script=workspace.root / "score.py", to="bundle", output_path=tmp_path / "b"
    )
    facts = tmp_path / "b" / "bundle.json"
    facts.write_text(facts.read_text().replace('"python": "3.', '"python": "9.'))
    ran = subprocess.run(
        [tmp_path / "b" / "start"], check=False, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 1
    assert "This bundle needs Python 9." in ran.stderr


def test_without_an_engine_a_push_works_and_a_local_image_says_what_to_do(
    workspace: Workspace,
    docker_engine: TestEngine,
    image_registry: Registry,
    unique: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = f"{image_registry.address}/{unique}/base"
    docker_engine.client.images.get(docker_engine.base).tag(base, "1")
    docker_engine.client.images.push(base, "1")
    docker_engine.client.images.remove(f"{base}:1")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(TargetUnavailableError, match="--push"):
        workspace.package_models(
            ["words:1"], script=workspace.root / "score.py", base_image=f"{base}:1"
        )
    reference = f"{image_registry.address}/{unique}/service:1"
    made = workspace.package_models(
        ["words:1"],
        script=workspace.root / "score.py",
        base_image=f"{base}:1",
        auth="none",
        push=reference,
    )
    monkeypatch.undo()
    pulled = docker_engine.client.images.pull(reference)
    try:
        assert pulled.id == made.image_id
        assert serve(docker_engine, reference) == ANSWER
    finally:
        docker_engine.client.images.remove(pulled.id, force=True)


def test_what_makes_no_sense_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    script = workspace.root / "score.py"
    with pytest.raises(ConfigurationError, match="Give --output-path"):
        workspace.package_models(["words:1"], script=script, to="bundle")
    with pytest.raises(ConfigurationError, match="Only images are pushed"):
        workspace.package_models(
            ["words:1"], script=script, to="oci", push="localhost/x:1", output_path=tmp_path / "x"
        )
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(ImageBuildError, match="not empty"):
        workspace.package_models(
            ["words:1"], script=script, to="bundle", output_path=tmp_path / "full"
        )


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
        else:
            return
    pytest.fail("the bundle does not answer")
