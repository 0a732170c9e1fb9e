"""Bases that an engine builds from lines of the user's own, by real processes."""

from __future__ import annotations

import io
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import docker
import pytest

from mlmagic.errors import ImageBuildError, TargetUnavailableError
from mlmagic.images import Images
from mlmagic.images.building import BuildNotes
from mlmagic.images.connecting import engine_faults
from mlmagic.images.housekeeping import prune_images
from mlmagic.registry import ContentStore
from tests.engine.fixtures import left_open

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from mlmagic.images import Engine
    from tests.engine.fixtures import TestEngine

pytestmark = pytest.mark.docker

INFO = {"Name": "one", "DockerRootDir": "/var/lib/docker"}
BUILDING = """
import sys
from pathlib import Path
from mlmagic.images import Engine, Images
from mlmagic.images.connecting import connect
from mlmagic.registry import ContentStore

cache, reference, lines = sys.argv[1:]
images = Images(Path(cache), content=ContentStore(Path(cache) / "content"))
with_engine = Engine(connect())
print("ready", flush=True)
input()
base = images.base(reference, dockerfile=lines, engine=with_engine, on_event=print)
print(base.reference)
"""


class Builder:
    """A process that builds a base as soon as it is told to."""

    def __init__(self, cache: Path, base: str, lines: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", BUILDING, str(cache), base, lines],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> tuple[str, str]:
        return self.process.communicate(timeout=300)


@pytest.fixture
def labelled(docker_engine: TestEngine, unique: str) -> Iterator[tuple[str, DockerClient]]:
    """A line that marks whatever a build makes, and the engine's client."""
    yield f"LABEL mlmagic-tests={unique}\n", docker_engine.client
    for image_id, tags in made(docker_engine.client, unique):
        for tag in tags:
            nameless = tag.startswith("<none>")
            docker_engine.client.images.remove(image_id if nameless else tag, force=True)


def made(client: DockerClient, unique: str) -> list[tuple[str, list[str]]]:
    """Images with the mark, intermediate ones too, and their names."""
    marked = {"label": f"mlmagic-tests={unique}"}
    return [(each["Id"], each["RepoTags"] or []) for each in client.api.images(filters=marked)]


def leftovers(client: DockerClient, unique: str) -> list[str]:
    """Images and containers with the mark."""
    marked = {"label": f"mlmagic-tests={unique}"}
    containers = client.api.containers(all=True, filters=marked)
    images = client.api.images(all=True, filters=marked)
    return sorted(each["Id"] for each in (*images, *containers))


def test_processes_that_want_one_base_at_the_same_time_build_it_once(
    tmp_path: Path, labelled: tuple[str, DockerClient], docker_engine: TestEngine
) -> None:
    lines = f"{labelled[0]}RUN sleep 5"
    builders = [Builder(tmp_path, docker_engine.base, lines) for _ in range(2)]
    for builder in builders:
        builder.go()
    said = [builder.end() for builder in builders]
    assert [builder.process.returncode for builder in builders] == [0, 0], said
    names = {out.splitlines()[-1] for out, _ in said}
    assert len(names) == 1
    assert sum("the engine builds it" in out for out, _ in said) == 1, said


@pytest.mark.parametrize(
    "below",
    [
        "FROM mine:{unique}",
        "ARG NAME=mine\nFROM ${{NAME}}:{unique}",
        "FROM {base}\nCOPY --from=mine:{unique} /version /",
    ],
)
def test_lines_stand_on_what_their_image_is_now(
    below: str,
    images: Images,
    engine: Engine,
    labelled: tuple[str, DockerClient],
    unique: str,
    docker_engine: TestEngine,
) -> None:
    line, client = labelled
    chains = []
    for version in ("one", "one", "two"):
        lines = f"FROM {docker_engine.base}\n{line}RUN echo {version} > /version"
        client.images.build(fileobj=io.BytesIO(lines.encode()), tag=f"mine:{unique}", rm=True)
        wanted = f"{below.format(unique=unique, base=docker_engine.base)}\n{line}RUN true"
        built = images.base(None, dockerfile=wanted, engine=engine)
        chains.append(built.configuration.chain)
    assert chains[0] == chains[1] != chains[2]


def test_lines_that_fail_leave_nothing_and_say_why(
    images: Images,
    engine: Engine,
    labelled: tuple[str, DockerClient],
    unique: str,
    docker_engine: TestEngine,
) -> None:
    line, client = labelled
    lines = f"{line}RUN echo first > /first\nRUN echo no such thing >&2; exit 3\nRUN true"
    with pytest.raises(ImageBuildError, match=r"exit 3.* code: 3 \(.*; no such thing\)\."):
        images.base(docker_engine.base, dockerfile=lines, engine=engine)
    assert leftovers(client, unique) == []


def test_what_other_builds_made_stays_where_lines_fail(
    images: Images,
    engine: Engine,
    labelled: tuple[str, DockerClient],
    unique: str,
    docker_engine: TestEngine,
) -> None:
    line, client = labelled
    good = f"{line}RUN echo first > /first"
    images.base(docker_engine.base, dockerfile=good, engine=engine)
    before = leftovers(client, unique)
    with pytest.raises(ImageBuildError):
        images.base(docker_engine.base, dockerfile=f"{good}\nRUN exit 3", engine=engine)
    assert leftovers(client, unique) == before


def test_a_build_that_is_interrupted_leaves_nothing(
    tmp_path: Path,
    labelled: tuple[str, DockerClient],
    unique: str,
    docker_engine: TestEngine,
) -> None:
    line, client = labelled
    builder = Builder(tmp_path, docker_engine.base, f"{line}RUN echo first > /first\nRUN sleep 600")
    builder.go()
    marked = {"label": f"mlmagic-tests={unique}"}
    while not any("sleep" in each["Command"] for each in client.api.containers(filters=marked)):
        assert builder.process.poll() is None, builder.end()
        time.sleep(0.1)
    builder.process.send_signal(signal.SIGINT)
    _, error = builder.end()
    assert "KeyboardInterrupt" in error
    assert leftovers(client, unique) == []


@pytest.mark.parametrize("by", ["the next build", "prune"])
def test_what_a_killed_build_leaves_goes_with_the_next_build_and_by_prune(
    tmp_path: Path,
    labelled: tuple[str, DockerClient],
    unique: str,
    docker_engine: TestEngine,
    engine: Engine,
    by: str,
) -> None:
    line, client = labelled
    images = Images(tmp_path, content=ContentStore(tmp_path / "content"))
    images.base(docker_engine.base, dockerfile=f"{line}RUN echo first > /first", engine=engine)
    before = leftovers(client, unique)
    lines = f"{line}RUN echo first > /first\nRUN echo {unique} > /second\nRUN sleep 600"
    builder = Builder(tmp_path, docker_engine.base, lines)
    builder.go()
    marked = {"label": f"mlmagic-tests={unique}"}
    while not any("sleep" in each["Command"] for each in client.api.containers(filters=marked)):
        assert builder.process.poll() is None, builder.end()
        time.sleep(0.1)
    assert prune_images(images, engine, used=(), dry_run=True).removed == ()
    builder.process.kill()
    builder.end()
    while client.api.containers(all=True, filters=marked):  # the engine ends what nobody awaits
        time.sleep(0.1)
    [step] = set(leftovers(client, unique)) - set(before)
    if by == "prune":
        told = prune_images(images, engine, used=(), dry_run=True).removed
        assert step.removeprefix("sha256:")[:12] in told
        assert step in leftovers(client, unique)
        prune_images(images, engine, used=())
    else:
        images.base(docker_engine.base, dockerfile=f"{line}RUN true", engine=engine)
    assert step not in leftovers(client, unique)


@pytest.fixture
def killed(
    tmp_path: Path, labelled: tuple[str, DockerClient], unique: str, docker_engine: TestEngine
) -> str:
    """The image that a killed build left, which stands on the base."""
    line, client = labelled
    builder = Builder(tmp_path, docker_engine.base, f"{line}RUN sleep 600")
    builder.go()
    marked = {"label": f"mlmagic-tests={unique}"}
    while not any("sleep" in each["Command"] for each in client.api.containers(filters=marked)):
        assert builder.process.poll() is None, builder.end()
        time.sleep(0.1)
    builder.process.kill()
    builder.end()
    while client.api.containers(all=True, filters=marked):
        time.sleep(0.1)
    [step] = leftovers(client, unique)
    return step


def test_what_a_killed_build_left_is_not_told_as_removed_while_a_named_image_stands_on_it(
    tmp_path: Path,
    labelled: tuple[str, DockerClient],
    unique: str,
    docker_engine: TestEngine,
    engine: Engine,
    killed: str,
) -> None:
    line, client = labelled
    lines = f"FROM {docker_engine.base}\n{line}RUN true"
    client.images.build(fileobj=io.BytesIO(lines.encode()), tag=f"mine:{unique}", rm=True)
    images = Images(tmp_path, content=ContentStore(tmp_path / "content"))
    for dry_run in (True, False):
        assert prune_images(images, engine, used=(), dry_run=dry_run).removed == ()
    assert killed in leftovers(client, unique)


def test_what_a_container_holds_of_a_killed_build_goes_by_a_later_prune(
    tmp_path: Path,
    labelled: tuple[str, DockerClient],
    unique: str,
    engine: Engine,
    killed: str,
) -> None:
    _, client = labelled
    images = Images(tmp_path, content=ContentStore(tmp_path / "content"))
    container = client.api.create_container(killed, ["true"])["Id"]
    try:
        assert prune_images(images, engine, used=()).removed == ()
    finally:
        client.api.remove_container(container)
    assert prune_images(images, engine, used=()).removed == (killed.removeprefix("sha256:")[:12],)
    assert leftovers(client, unique) == []


def test_a_cache_that_is_emptied_during_a_build_fails_nothing(tmp_path: Path) -> None:
    with BuildNotes(tmp_path, INFO).writing() as note:
        note("abc")
        shutil.rmtree(tmp_path)


@left_open
def test_an_engine_that_is_away_is_told_where_killed_builds_left_something(tmp_path: Path) -> None:
    notes = BuildNotes(tmp_path, INFO)
    with notes.writing() as note:
        note("abc")
        [place] = tmp_path.glob("*/*")
        place.with_name("of a killed one").write_text(place.read_text())
    api = docker.APIClient(f"unix://{tmp_path}/away.sock", version="1.41")
    with (
        pytest.raises(TargetUnavailableError, match="No Docker engine answers"),
        engine_faults(ImageBuildError, "It cannot be removed"),
    ):
        notes.clear(api)
