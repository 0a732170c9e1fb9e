"""Lets an engine build an image from the lines of a Dockerfile, and leaves nothing half made."""

from __future__ import annotations

import fcntl
import io
import os
import re
import time
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from mlmagic.errors import ConfigurationError, ImageBuildError
from mlmagic.files import digest_text, storage_faults
from mlmagic.images.reference import Reference
from mlmagic.images.tars import Entry, member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from docker import APIClient
    from requests import Response

_FROM = re.compile(r"(?im)^\s*FROM\s")
_CONTINUED = re.compile(r"\\[ \t]*\r?\n(?:[ \t]*(?:#.*)?\r?\n)*")
_INSTRUCTION = re.compile(
    r"(?i)\s*(ARG|FROM|COPY|ADD|RUN)\s+((?:--\S+\s+)*)(\S+)(?:\s+AS\s+(\S+))?"
)
_COPIED = re.compile(r"(?:--|[,=])from=([^\s,]+)")
_DEFAULT = re.compile(r"([A-Za-z_]\w*)=(\S*)")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")
_STEP_DONE = re.compile(r" ---> ([0-9a-f]{12,})\s*")
_STEP_RUNS = re.compile(r" ---> Running in ([0-9a-f]{12,})\s*")
_CONTAINER = "container:"  # before the id of one in a note; the others are images
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_BUILDERS_OWN = ("--->", "Removing intermediate container")
_LAST_LINES = 5
_PATIENCE = 15.0  # seconds that an engine may take to end the step of a build that was given up


def read_lines(dockerfile: str) -> str:
    """Return the lines of a ``base_dockerfile``.

    Args:
        dockerfile: The lines, or the path of a file with them.

    Raises:
        ConfigurationError: It is a path, and there is no such file.
    """
    if "\n" in dockerfile:
        return dockerfile
    path = Path(dockerfile).expanduser()
    is_line = len(dockerfile.split()) > 1  # it has an instruction and what it is for
    if is_line and not os.path.isfile(path):  # noqa: PTH113 - a line may be too long for a path
        return dockerfile
    with storage_faults(path, ConfigurationError):
        if path.is_file():
            return path.read_text("utf-8-sig")
    raise ConfigurationError(
        f"There is no Dockerfile '{dockerfile}'.",
        hint="Give base_dockerfile a file, or lines such as 'RUN apt-get install -y libgomp1'.",
    )


def standing(lines: str, *, on: str) -> str:
    """Return lines of a Dockerfile with a ``FROM``: theirs, or that of an image."""
    return lines if _FROM.search(lines) else f"FROM {on}\n{lines}"


def named_below(lines: str) -> list[str]:
    r"""Return the images that lines of a Dockerfile stand on or copy from, with ``ARG`` filled in.

    Example:
        >>> named_below("ARG PYTHON=3.12\nFROM python:${PYTHON}-slim AS one\nCOPY --from=one / /")
        ['python:3.12-slim']
    """
    given: dict[str, str] = {}
    images: dict[str, None] = {}
    own = {"scratch"}  # the stages so far, which have numbers too
    stages = 0

    def value(match: re.Match[str]) -> str:
        return given.get(match[1] or match[3], match[2] or "")

    for line in _CONTINUED.sub(" ", lines).splitlines():
        found = _INSTRUCTION.match(line)
        if found is None:
            continue
        instruction, flags, named, stage = found.groups()
        if instruction.upper() == "ARG":
            if not stages:  # the others are no stage's base
                for name, default in _DEFAULT.findall(line):
                    given[name] = _VARIABLE.sub(value, default.strip("\"'"))
            continue
        is_stage = instruction.upper() == "FROM"
        below = [
            _VARIABLE.sub(value, each) for each in ([named] if is_stage else _COPIED.findall(flags))
        ]
        images |= dict.fromkeys(each for each in below if each.lower() not in own)
        if is_stage:
            own |= {str(stages), (stage or "scratch").lower()}
            stages += 1
    return [each for each in images if Reference.is_one(each)]


class BuildNotes:
    """What builds made on their way, for those that are killed, or whose engine is.

    Whoever builds holds a lock on its note, which ends with its holder.

    Args:
        folder: ``CACHE/images/builds``.
        engine: What the engine tells of itself.
    """

    def __init__(self, folder: Path, engine: Mapping[str, Any]) -> None:
        self._folder = folder / digest_text(engine["Name"], engine["DockerRootDir"])[:16]

    @contextmanager
    def writing(self) -> Iterator[Callable[[str], None]]:
        """Give what notes something, for as long as a build goes on; where it fails, it stays."""
        with storage_faults(self._folder, ImageBuildError):
            self._folder.mkdir(parents=True, exist_ok=True)
            note = NamedTemporaryFile("a", dir=self._folder, delete=False)  # noqa: SIM115 - the rest is no fault of storage
        with note:
            fcntl.flock(note, fcntl.LOCK_EX)

            def write(made: str) -> None:
                with suppress(OSError):  # a full disk is no reason to give a build up
                    print(made, file=note, flush=True)

            yield write
            with suppress(OSError):  # somebody emptied the cache meanwhile
                Path(note.name).unlink()

    def clear(self, api: APIClient, *, dry_run: bool = False) -> list[str]:
        """Remove what builds left that were killed, but what others use by now.

        A note stays for as long as the engine holds something of it, an image for a container say.

        Returns:
            What went; with `dry_run`, what would.
        """
        went: list[str] = []
        for place in sorted(self._folder.glob("*")):
            with ExitStack() as stack:
                try:
                    note = stack.enter_context(place.open())
                    fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    noted = note.read().split()
                except OSError:  # its build goes on, or it is gone
                    continue
                containers = [each for each in noted if each.startswith(_CONTAINER)]
                used = _below_names(api)
                left = [each for each in noted if each not in containers and _is_left(api, each)]
                left = [each for each in left if not any(one.startswith(each) for one in used)]
                if not dry_run:
                    # First, for they hold images.
                    running = [each for each in containers if not _is_gone(api, each)]
                    _remove(api, left, patience=0)
                    held = [each for each in left if _is_left(api, each)]
                    left = [each for each in left if each not in held]
                    if not held and not running:
                        place.unlink(missing_ok=True)
                went += left
        return went


def build_image(
    api: APIClient, lines: str, *, tag: str, labels: Mapping[str, str], notes: BuildNotes
) -> None:
    """Build an image; where a line fails, or we are interrupted, what was made on the way goes.

    Args:
        api: The engine's.
        lines: The Dockerfile; there is no context to copy from.
        tag: Its name.
        labels: Its labels.
        notes: Where what is made on the way is noted; what killed builds left goes, too.

    Raises:
        ImageBuildError: A line failed; the message has the last of what it said.
    """
    before = [each["Id"].removeprefix("sha256:") for each in api.images(all=True)]
    steps: list[str] = []
    # The client would leave one of its own open where it fails.
    context = b"".join(member(Entry("Dockerfile", lines.encode()))) + bytes(1024)
    try:
        with notes.writing() as note, _closed_at_the_end(api, "/build"):

            def made(step: str) -> None:
                if not any(each.startswith(step) for each in before):
                    steps.append(step)
                    note(step)

            parts = api.build(
                fileobj=io.BytesIO(context),
                custom_context=True,
                tag=tag,
                rm=True,
                forcerm=True,
                labels=dict(labels),
                decode=True,
            )
            _follow(parts, made, lambda container: note(_CONTAINER + container))
    except BaseException:
        with suppress(Exception):  # an engine that is busy is not what went wrong first
            _remove(api, steps, patience=_PATIENCE)
        raise
    finally:
        # This build may have gone on with what a killed one made. What is done stays done.
        with suppress(Exception):
            notes.clear(api)


def _follow(
    parts: Iterator[dict[str, Any]], made: Callable[[str], None], runs: Callable[[str], None]
) -> None:
    said = ""
    for part in parts:
        text = str(part.get("stream", ""))
        said += text
        if step := _STEP_DONE.fullmatch(text):
            made(step[1])
        if step := _STEP_RUNS.fullmatch(text):
            runs(step[1])
        if error := part.get("error"):
            raise ImageBuildError(
                f"The lines of base_dockerfile failed: {error} ({_last_lines(said)}).",
                hint="Correct them; 'docker build' with the same lines says more.",
            )


def _last_lines(said: str) -> str:
    lines = (line.strip() for line in _COLOUR.sub("", said).splitlines())
    told = [line for line in lines if line and not line.startswith(_BUILDERS_OWN)]
    return "; ".join(told[-_LAST_LINES:])


@contextmanager
def _closed_at_the_end(api: APIClient, path: str) -> Iterator[None]:
    """Close the answer that a request gets: an engine gives up what nobody listens to.

    The client's own generator keeps it open for as long as a traceback knows it.
    """
    answers: list[Response] = []

    def note(answer: Response, *_given: object, **_options: object) -> None:
        if answer.request.path_url.partition("?")[0].endswith(path):
            answers.append(answer)

    hooks = api.hooks["response"]
    hooks.append(note)
    try:
        yield
    finally:
        hooks.remove(note)
        for answer in answers:
            answer.close()


def _remove(api: APIClient, steps: Sequence[str], *, patience: float) -> None:
    """Remove the images of the steps, the last one first; those that others use stay."""
    from docker.errors import APIError, NotFound

    end = time.monotonic() + patience
    for step in reversed(steps):
        while _is_left(api, step):
            try:
                api.remove_image(step, noprune=True)
            except NotFound:  # another was faster
                break
            except APIError as error:
                if error.status_code != HTTPStatus.CONFLICT:
                    raise
                # The container of the step that was given up is on its way out.
                if time.monotonic() > end:
                    break
                time.sleep(0.2)


def _is_gone(api: APIClient, noted: str) -> bool:
    """Remove the container of a step that has ended; says whether it is gone, or still runs."""
    from docker.errors import APIError, NotFound

    try:
        api.remove_container(noted.removeprefix(_CONTAINER))
    except NotFound:
        return True
    except APIError as error:
        if error.status_code != HTTPStatus.CONFLICT:
            raise
        return False
    return True


def _below_names(api: APIClient) -> set[str]:
    """Return the ids, without their prefix, of the images that those with a name stand on."""
    images = {each["Id"]: each for each in api.images(all=True)}
    below: set[str] = set()
    for each in images.values():
        if any(not tag.startswith("<none>") for tag in each.get("RepoTags") or ()):
            parent = each.get("ParentId")
            while parent in images and parent not in below:
                below.add(parent)
                parent = images[parent].get("ParentId")
    return {each.removeprefix("sha256:") for each in below}


def _is_left(api: APIClient, step: str) -> bool:
    """Whether the engine has an image, and nobody gave it a name."""
    from docker.errors import NotFound

    try:
        return not api.inspect_image(step).get("RepoTags")
    except NotFound:
        return False
