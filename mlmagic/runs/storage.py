"""Notebooks in files, and behind the addresses that papermill's handlers know (``s3://…``)."""

from __future__ import annotations

import posixpath
from pathlib import Path
from urllib.parse import urlsplit

from mlmagic.addresses import without_secrets
from mlmagic.errors import UsageError
from mlmagic.files import write_atomically

Place = Path | str
"""A file, or an address as text."""


def place_of(text: str | Path) -> Place:
    """Return a file as a whole path; an address stays as it is.

    Example:
        >>> place_of("s3://bucket/night.ipynb")
        's3://bucket/night.ipynb'
    """
    return f"{text}" if "://" in f"{text}" else Path(text).expanduser().resolve()


def name_of(place: Place) -> str:
    """Return the last part of a place."""
    return place.name if isinstance(place, Path) else posixpath.basename(urlsplit(place).path)


def shown(place: Place) -> Place:
    """Return a place as notebooks and messages may hold it: no user, password or query."""
    return place if isinstance(place, Path) else without_secrets(place)


def folder_of(place: Place, cwd: str | Path | None) -> Path:
    """Return where a notebook's kernel runs: in its own folder, or here where it has none.

    Args:
        place: The notebook.
        cwd: The folder that was asked for.

    Raises:
        UsageError: What was asked for is no folder.
    """
    if cwd is None:
        return place.parent if isinstance(place, Path) else Path.cwd()
    folder = Path(cwd).expanduser().resolve()
    if not folder.is_dir():
        raise UsageError(f"The working directory '{folder}' is not a folder.", hint="Make it.")
    return folder


def read(place: str) -> str:
    """Return the text behind an address.

    Raises:
        UsageError: It cannot be had, for whatever reason its storage tells.
    """
    import requests
    from papermill.iorw import HttpHandler, papermill_io

    try:
        if papermill_io.get_handler(place) is HttpHandler:  # which takes errors for the file
            answer = requests.get(place, headers={"Accept": "application/json"}, timeout=60)
            answer.raise_for_status()
            return answer.text
        text: str = papermill_io.read(place, extensions=[])
    except Exception as error:  # each storage raises its own
        raise UsageError(f"'{shown(place)}' cannot be read: {_reason(error)}") from error
    return text


def write(place: Place, text: str) -> None:
    """Write a text whole: readers see what was there, or all of it.

    Raises:
        UsageError: The storage behind an address refuses, for whatever reason it tells.
        OSError: A file cannot be written.
    """
    from papermill.iorw import papermill_io

    if isinstance(place, Path):
        write_atomically(place, text)
        return
    try:
        papermill_io.write(text, place, extensions=[])
    except Exception as error:  # each storage raises its own
        raise UsageError(f"'{shown(place)}' cannot be written: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    words = without_secrets(" ".join(f"{error}".split()))
    return f"{type(error).__name__}: {words}."
