"""What a registered model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, TypedDict


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
        run_source: What kind of run it was, such as ``mlflow`` or ``optuna``.
        run_id: The run, as its own system calls it.
        run_name: Its name there.
        experiment: The experiment or study that the run belongs to.
        metrics: What the run measured.
        params: What it was run with.
        parent: Id of the model that this one was derived from.
        datasets: Scenario (``training``, ``validation``, ``inferencing``) to references of data.
    """

    git_commit: str | None = None
    git_dirty: bool | None = None
    notebook: str | None = None
    execution_count: int | None = None
    python_version: str | None = None
    packages: dict[str, str] = field(default_factory=dict)
    run_source: str | None = None
    run_id: str | None = None
    run_name: str | None = None
    experiment: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    parent: str | None = None
    datasets: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a model needs to be served; a hint for deployments, as in Azure ML v1.

    Attributes:
        cpu: Cores.
        memory_gb: Memory, in units of 10⁹ bytes.
        gpu: Accelerators.
    """

    cpu: float | None = None
    memory_gb: float | None = None
    gpu: int | None = None

    def with_changes(self, changes: Resources) -> Resources:
        """Return these with the figures that the changes name."""
        return Resources(
            cpu=self.cpu if changes.cpu is None else changes.cpu,
            memory_gb=self.memory_gb if changes.memory_gb is None else changes.memory_gb,
            gpu=self.gpu if changes.gpu is None else changes.gpu,
        )


@dataclass(frozen=True, kw_only=True)
class Model:
    """A registered model: a name, a version and files by their digests.

    Follows the model record of Azure ML v1 (name rule, versions from 1, mutable tags,
    add-only properties).

    Attributes:
        files: Paths as they lie under ``azureml-models/NAME/VERSION/``.
        digest: SHA-256 over the files' paths and canonical contents.
        framework: A name in the table of ``registry.frameworks``, such as ``scikit-learn``;
            ``custom`` where it is none of them, ``multi`` where the model is several.
        loader: How ``mlmagic.scoring.load_model`` reads it (``skops``, ``pickle``, …), if it can;
            of a folder of MLflow also which file (``skops@model.skops``).
        requirements: Pinned requirements that loading and predicting need.
        trusted_types: Types outside skops' own list that the workspace approved for this archive.
        sample_output: What the model answers to the sample.
        schema: Inputs and outputs as MLflow's signature tells them, where it is known.
        facts: What the files say of themselves, such as architecture and quantisation.
        resources: What serving it needs.
        archived: Hidden from lists; everything else works.
        signatures: Bundles of OpenSSF model-signing, each named after its key.
        card: The edited model card; None where it is made from what is known.
        created_by: Login name of who registered it.
        aliases: Names that point at this version now, such as ``champion``.
        needs_trust: What in it is outside the allow-list, by the content's digest: each workspace
            that uses it has to trust it.
    """

    V1_KEYS: ClassVar[tuple[str, ...]] = (
        "created_time",
        "run_id",
        "experiment_name",
        "resource_configuration",
    )
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
    sample_output: Sample | None = None
    schema: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    resources: Resources = Resources()
    archived: bool = False
    signatures: tuple[ContentFile, ...] = ()
    card: ContentFile | None = None
    created_by: str = ""
    aliases: tuple[str, ...] = ()
    needs_trust: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """``name:version``."""
        return f"{self.name}:{self.version}"

    @property
    def created_time(self) -> datetime:
        """``created_at``, in v1's word."""
        return self.created_at

    @property
    def run_id(self) -> str | None:
        """The run that it came from, as v1 told it."""
        return self.lineage.run_id

    @property
    def experiment_name(self) -> str | None:
        """The experiment of that run."""
        return self.lineage.experiment

    @property
    def resource_configuration(self) -> dict[str, float | None] | None:
        """``resources`` under v1's keys; None where nothing is known."""
        known = self.resources
        if known == Resources():
            return None
        return {"cpu": known.cpu, "memoryInGB": known.memory_gb, "gpu": known.gpu}

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def contents(self) -> tuple[ContentFile, ...]:
        """Everything in the store that belongs to this version."""
        samples = (each.content for each in (self.sample, self.sample_output) if each)
        return (*self.files, *samples, *self.signatures, *((self.card,) if self.card else ()))


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What ``register`` did.

    Attributes:
        model: The version that now stands for the content.
        outcome: ``registered`` a new version, ``updated`` tags or description in place, or
            ``unchanged``.
        newest: The newest version of the name: what the bare name means.
    """

    V1_KEYS: ClassVar[tuple[str, ...]] = ("name", "version")
    model: Model
    outcome: Literal["registered", "updated", "unchanged"]
    newest: int = 0

    @property
    def id(self) -> str:
        """The model's, as v1 told it."""
        return self.model.id

    @property
    def name(self) -> str:
        """The model's."""
        return self.model.name

    @property
    def version(self) -> int:
        """The model's."""
        return self.model.version


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What is said of a model, as Markdown with the front matter of Hugging Face.

    Attributes:
        model: Id of the version.
        text: The card.
        edited: Whether somebody wrote it; else it was made from what is known.
    """

    model: str
    text: str
    edited: bool = False

    def _repr_markdown_(self) -> str:
        return self.text

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - IPython's
        printer.text(self.text)


@dataclass(frozen=True, kw_only=True)
class AliasMove:
    """One entry in the history of an alias.

    Attributes:
        version: Where it points since then; None where it was removed.
    """

    name: str
    alias: str
    version: int | None
    moved_at: datetime
    moved_by: str


class ModelDetails(TypedDict, total=False):
    """What is said of a model when it is registered; all of it is optional.

    Attributes:
        sample: A data frame, array, JSON value or bytes: the default body of test requests.
        sample_output: Likewise, what the model answers to it.
        tags: Labels; changed in place, now or later.
        properties: Facts; never changed afterwards, only added to.
        description: What the model is; changed in place.
        framework: Instead of the one recognised.
        framework_version: Goes with ``framework``.
        cpu: Cores that serving it needs; a hint for deployments.
        memory_gb: Likewise, memory in units of 10⁹ bytes.
        gpu: Likewise, accelerators.
        parent: Reference of the model it was derived from.
        datasets: Scenario to references of data.
        new_version: Make a version even where the content is registered already.
        convert: Register a live model as ``onnx``, by the converter of its framework.
        trust: Accept what the allow-list refuses; a text says why. Recorded in the workspace.
    """

    sample: object
    sample_output: object
    tags: Mapping[str, str] | None
    properties: Mapping[str, str] | None
    description: str | None
    framework: str | None
    framework_version: str | None
    cpu: float | None
    memory_gb: float | None
    gpu: int | None
    parent: str | None
    datasets: Mapping[str, Sequence[str]] | None
    new_version: bool
    convert: Literal["onnx"] | None
    trust: bool | str
