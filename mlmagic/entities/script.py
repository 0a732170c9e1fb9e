"""What is known of an entry script."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from mlmagic.entities.model import ContentFile


@dataclass(frozen=True, kw_only=True)
class CellOrigin:
    """The notebook cell that a script was captured from.

    Attributes:
        execution_count: The ``n`` of ``In [n]``.
        first_line: The line of the cell (from 1) that is line 1 of the file.
    """

    execution_count: int
    first_line: int = 2


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something in a script or configuration that would break elsewhere.

    Attributes:
        code: Machine-readable kind, such as ``undefined-name``.
        message: What is wrong and the way out, in words.
        line: Line in the file, from 1; None where it has none.
        severity: An ``error`` stops the capture, a ``warning`` does not.
    """

    code: str
    message: str
    line: int | None = None
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True, kw_only=True)
class SourceTree:
    """The files that travel with an entry script.

    Attributes:
        entry_script: The script inside the tree, with forward slashes, without ``name``.
        name: Base name of the source directory (v1's ``AZUREML_SOURCE_DIRECTORY``); None where
            the files lie at the app root.
        files: What travels, paths relative to the source directory.
    """

    entry_script: str
    name: str | None = None
    files: tuple[ContentFile, ...] = ()


@dataclass(frozen=True, kw_only=True)
class InferenceConfig:
    """Entry script, source directory and environment, as v1's ``InferenceConfig``.

    Attributes:
        entry_script: Path of the script, relative to the source directory when one is given.
        source_directory: Folder that travels whole; None takes the script and what it imports.
        environment: Name of an environment, or a file that defines one; None finds one.
        document: The environment object that the configuration itself holds, with its packages.
        variables: Environment variables that this environment sets.
        image: ``base_image`` or ``base_dockerfile`` of this environment, for containers.
        notes: What is not done as the configuration says, in sentences.
    """

    entry_script: str
    source_directory: str | None = None
    environment: str | None = None
    description: str = ""
    document: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    image: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
