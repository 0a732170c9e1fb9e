"""What a registered model is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class ContentFile:
    """One file of a model or of a source tree, known by its content.

    Attributes:
        path: Where it lies inside its tree, with forward slashes.
        sha256: Digest of the content, 64 hexadecimal digits.
        size: Bytes.
    """

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A sample input: the default body of a test request.

    Attributes:
        kind: What the user gave: a data frame, an array, a JSON value or bytes.
        shape: Rows and columns (or the array's shape), where it has one.
        content: The request body; its media type is ``application/json`` but for bytes.
    """

    kind: Literal["dataframe", "array", "json", "bytes"]
    shape: tuple[int, ...] = ()
    content: ContentFile

    @property
    def media_type(self) -> str:
        """The ``Content-Type`` of a request with this body."""
        return "application/octet-stream" if self.kind == "bytes" else "application/json"


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Where a model comes from.

    Attributes:
        git_commit: Commit of the working tree, if there is one.
        git_dirty: Whether the tree had changes.
        notebook: File name of the notebook, if known.
        execution_count: The ``n`` of ``In [n]``.
        python_version: Such as ``3.11.7``.
        packages: Distribution name to version, of what the model needs.
    """

    git_commit: str | None = None
    git_dirty: bool | None = None
    notebook: str | None = None
    execution_count: int | None = None
    python_version: str | None = None
    packages: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Model:
    """A registered model: a name, a version and files by their digests.

    Follows the model record of Azure ML v1 (name rule, versions from 1, mutable tags,
    add-only properties).

    Attributes:
        files: Paths as they lie under ``azureml-models/NAME/VERSION/``.
        digest: SHA-256 over the files' paths and canonical contents.
        framework: ``scikit-learn``, ``xgboost``, ``lightgbm``, ``pytorch``, ``keras``, ``onnx``
            or ``custom``.
        loader: How ``mlmagic.scoring.load_model`` reads it (``skops``, ``pickle``, …), if it can.
        requirements: Pinned requirements that loading and predicting need.
        trusted_types: Types outside skops' own list that the workspace approved for this archive.
    """

    name: str
    version: int
    files: tuple[ContentFile, ...]
    digest: str
    framework: str = "custom"
    framework_version: str | None = None
    loader: str | None = None
    requirements: tuple[str, ...] = ()
    trusted_types: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    description: str = ""
    sample: Sample | None = None
    lineage: Lineage = Lineage()
    created_at: datetime

    @property
    def id(self) -> str:
        """``name:version``."""
        return f"{self.name}:{self.version}"

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What ``register`` did.

    Attributes:
        model: The version that now stands for the content.
        outcome: ``registered`` a new version, ``updated`` tags or description in place, or
            ``unchanged``.
        newest: The newest version of the name: what the bare name means.
    """

    model: Model
    outcome: Literal["registered", "updated", "unchanged"]
    newest: int = 0
