"""Bases that an engine builds from lines of the user's own, by real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from mlmagic.errors import ImageBuildError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from mlmagic.images import Engine, Images
    from tests.engine.fixtures import TestEngine

pytestmark = pytest.mark.docker

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
    for tag in (tag for each in made(docker_engine.client, unique) for tag in each[1]):
        docker_engine.client.images.remove(tag, force=True)


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
