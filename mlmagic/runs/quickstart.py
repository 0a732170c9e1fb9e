"""A small project for people who have no model yet."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from mlmagic.errors import ConfigurationError
from mlmagic.files import write_atomically

FILES = ("README.md", "diabetes.ipynb", "requirements.txt", "score.py")


def write_quickstart(directory: str | Path = ".", *, overwrite: bool = False) -> list[Path]:
    """Write a notebook, an entry script and what they need into a folder.

    Args:
        directory: The folder; it is created.
        overwrite: Replace files of the same names.

    Returns:
        The files, the notebook first.

    Raises:
        ConfigurationError: A file exists, or the folder cannot be written; nothing is written
            over.
    """
    folder = Path(directory).expanduser().resolve()
    paths = [folder / name for name in sorted(FILES, key=lambda name: name != "diabetes.ipynb")]
    present = [path.name for path in paths if path.exists()]
    if present and not overwrite:
        names = ", ".join(f"'{name}'" for name in present)
        raise ConfigurationError(
            f"The folder '{folder}' already holds {names}.",
            hint="Name another folder, or replace them with --overwrite.",
        )
    project = resources.files(__package__) / "project"
    try:
        for path in paths:
            write_atomically(path, (project / path.name).read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"The folder '{folder}' cannot be written: {error.strerror}."
        ) from error
    return paths
