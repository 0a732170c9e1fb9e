"""Packages in all forms, made by the verb and started as a stranger would start them."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from mlmagic.errors import ConfigurationError, ImageBuildError, TargetUnavailableError
from tests.images.serving import ANSWER, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlmagic import Workspace
    from tests.engine.fixtures import TestEngine
    from tests.engine.registry import Registry

LOOKING = """
import os

def init():
    pass

def run(raw_data):
    source = os.environ.get("AZUREML_SOURCE_DIRECTORY", "")
    return [sorted(os.listdir(os.environ["AML_APP_ROOT"])), source]
"""


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
        assert made.run == (f"docker run -p 127.0.0.1:6789:5001 {made.location}",)
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
    # The image of a service of the name is another's: it goes with the service.
    assert made.location == f"words:{made.location.rpartition(':')[2]}"
    assert made.run[-1].startswith("docker run -p 127.0.0.1:6789:5001 -v ")
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


@pytest.fixture
def pushed_base(docker_engine: TestEngine, image_registry: Registry, unique: str) -> Iterator[str]:
    """The base image by a name that others can get it by."""
    name = f"{image_registry.address}/{unique}/base"
    docker_engine.client.images.get(docker_engine.base).tag(name, "1")
    docker_engine.client.images.push(name, "1")
    yield f"{name}:1"
    docker_engine.client.images.remove(f"{name}:1")


def test_a_dockerfile_builds_without_a_network_and_without_the_base_that_was_built_here(
    docker_engine: TestEngine, workspace: Workspace, tmp_path: Path, pushed_base: str
) -> None:
    first = f"FROM {pushed_base} AS first\nRUN echo made > /etc/made"
    made = workspace.package_models(
        ["words:1"],
        script=workspace.root / "score.py",
        base_dockerfile=f"{first}\nFROM {pushed_base}\nCOPY --from=first /etc/made /etc/\n",
        auth="none",
        variables={"NOTE": 'a "quoted" $HOME\\ note'},
        output_path=tmp_path / "context",
    )
    assert made.form == "dockerfile"
    model = tmp_path / "context" / "azureml-app" / "azureml-models" / "words" / "1" / "words.txt"
    assert model.read_text() == "some words"
    assert (tmp_path / "context" / "Dockerfile").read_text().startswith(first)
    assert made.base is not None
    docker_engine.client.images.remove(made.base, force=True)
    image, _ = docker_engine.client.images.build(
        path=str(tmp_path / "context"), network_mode="none", tag="mlmagic-tests/built", rm=True
    )
    try:
        assert 'NOTE=a "quoted" $HOME\\ note' in image.attrs["Config"]["Env"]
        assert serve(docker_engine, image.id, read_only=True) == ANSWER
        docker_engine.client.containers.run(image.id, ["test", "-f", "/etc/made"], remove=True)
    finally:
        docker_engine.client.images.remove(image.id, force=True)


def test_a_dockerfile_builds_without_the_image_of_ours_below_and_shows_nothing_of_it(
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
    said: list[str] = []
    try:
        workspace.package_models(
            script=tmp_path / "look.py",
            base_image=below.location,
            auth="none",
            output_path=tmp_path / "context",
            on_event=said.append,
        )
    finally:
        docker_engine.client.images.remove(below.location, force=True)
    assert [line for line in said if "mlmagic-tests/below:1" in line and "travel" in line]
    image, _ = docker_engine.client.images.build(
        path=str(tmp_path / "context"), network_mode="none", rm=True
    )
    try:
        assert serve(docker_engine, image.id, read_only=True) == [["look.py"], ""]
    finally:
        docker_engine.client.images.remove(image.id, force=True)


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


def test_without_an_engine_a_push_works_and_a_local_image_says_what_to_do(
    workspace: Workspace,
    docker_engine: TestEngine,
    image_registry: Registry,
    pushed_base: str,
    unique: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(TargetUnavailableError, match="--push"):
        workspace.package_models(
            ["words:1"], script=workspace.root / "score.py", base_image=pushed_base
        )
    reference = f"{image_registry.address}/{unique}/service:1"
    made = workspace.package_models(
        ["words:1"],
        script=workspace.root / "score.py",
        base_image=pushed_base,
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
