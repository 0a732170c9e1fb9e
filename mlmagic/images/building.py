"""Lets an engine build an image from the lines of a Dockerfile, and leaves nothing half made."""

from __future__ import annotations

import io
import os
import re
import time
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.errors import ConfigurationError, ImageBuildError
from mlmagic.files import storage_faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from docker import APIClient
    from requests import Response

_STEP_DONE = re.compile(r" ---> ([0-9a-f]{12,})\s*")
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


def build_image(api: APIClient, lines: str, *, tag: str, labels: Mapping[str, str]) -> None:
    """Build an image; where a line fails, or we are interrupted, what was made on the way goes.

    Args:
        api: The engine's.
        lines: The Dockerfile; there is no context to copy from.
        tag: Its name.
        labels: Its labels.

    Raises:
        ImageBuildError: A line failed; the message has the last of what it said.
    """
    before = {each["Id"] for each in api.images(all=True)}
    steps: list[str] = []
    try:
        with _closed_at_the_end(api, "/build"):
            parts = api.build(
                fileobj=io.BytesIO(lines.encode()),
                tag=tag,
                rm=True,
                forcerm=True,
                labels=dict(labels),
                decode=True,
            )
            _follow(parts, steps)
    except BaseException:
        with suppress(Exception):  # an engine that is busy is not what went wrong first
            _remove(api, steps, before)
        raise


def _follow(parts: Iterator[dict[str, Any]], steps: list[str]) -> None:
    said = ""
    for part in parts:
        text = str(part.get("stream", ""))
        said += text
        if step := _STEP_DONE.fullmatch(text):
            steps.append(step[1])
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


def _remove(api: APIClient, steps: Sequence[str], before: set[str]) -> None:
    """Remove the images of the steps, the last one first; those that others use stay."""
    from docker.errors import APIError, NotFound

    end = time.monotonic() + _PATIENCE
    for step in reversed(steps):
        try:
            found = api.inspect_image(step)
            if found["Id"] in before or found.get("RepoTags"):
                continue
            while True:
                try:
                    api.remove_image(found["Id"], noprune=True)
                    break
                except APIError as error:
                    # The container of the step that was given up is on its way out.
                    if error.status_code != HTTPStatus.CONFLICT or time.monotonic() > end:
                        return
                    time.sleep(0.2)
        except NotFound:
            continue
