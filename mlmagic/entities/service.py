"""What a service is asked to be (``DeploymentSpec``) and what it is (``ServiceStatus``)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from mlmagic.entities.configs import DeploymentConfig
from mlmagic.entities.environment import Lock
from mlmagic.entities.model import ContentFile, Sample
from mlmagic.entities.script import CellOrigin, SourceTree

# Containers and images carry digests: what versions before made is known by the same digest.
_GONE_OF_MODELS = {"refusal": ""}
_LATER_OF_CONFIGS = {"pre_stop_seconds": 3, "external_address": None, "ephemeral_storage": None}


class ServiceState(StrEnum):
    """The states of Azure ML v1, with its meaning of each."""

    TRANSITIONING = "Transitioning"
    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"
    UNSCHEDULABLE = "Unschedulable"
    FAILED = "Failed"
    DELETING = "Deleting"
    DELETED = "Deleted"

    @property
    def is_final(self) -> bool:
        """Whether a deployment in this state has come to its end."""
        return self in (ServiceState.HEALTHY, ServiceState.FAILED)


class Reason(StrEnum):
    """Why a service is in its state; one word for machines."""

    ENVIRONMENT = "PreparingEnvironment"
    BUILDING_IMAGE = "BuildingImage"
    PUSHING_IMAGE = "PushingImage"
    PULLING_IMAGE = "PullingImage"
    SCHEDULING = "Scheduling"
    STARTING = "Starting"
    INITIALISING = "Initialising"
    SCORING_SAMPLE = "ScoringSample"
    UPDATING = "Updating"
    STOPPING = "Stopping"
    READY = "Ready"
    UPDATE_FAILED = "UpdateFailed"
    STOPPED = "Stopped"
    ENVIRONMENT_FAILED = "EnvironmentFailed"
    IMAGE_BUILD = "ImageBuildFailed"
    IMAGE_PULL = "ImagePullFailed"
    IMAGE_PUSH = "ImagePushFailed"
    START_FAILED = "StartFailed"
    SCRIPT_NOT_FOUND = "ScriptNotFound"
    SCRIPT_SYNTAX = "ScriptSyntaxError"
    SCRIPT_IMPORT = "ScriptImportFailed"
    SCRIPT_CONTRACT = "ScriptContractError"
    INIT_FAILED = "InitFailed"
    INIT_TIMEOUT = "InitTimeout"
    SAMPLE_FAILED = "SampleFailed"
    OUT_OF_MEMORY = "OutOfMemory"
    CRASHED = "Crashed"
    CRASH_LOOP = "CrashLoop"
    EXITED = "ScriptExited"
    PORT_IN_USE = "PortInUse"
    INSUFFICIENT_CPU = "InsufficientCpu"
    INSUFFICIENT_MEMORY = "InsufficientMemory"
    INSUFFICIENT_ACCELERATOR = "InsufficientAccelerator"
    NO_NODE = "NoSuitableNode"
    QUOTA = "QuotaExceeded"
    REFUSED = "AdmissionRefused"
    NODE_LOST = "NodeLost"
    EVICTED = "Evicted"
    SCALING = "Scaling"
    NOT_ANSWERING = "NotAnswering"
    HOST_RESTARTED = "HostRestarted"
    SUPERVISOR_GONE = "SupervisorGone"
    CONTAINER_GONE = "ContainerGone"
    TARGET_UNAVAILABLE = "TargetUnavailable"
    DEPLOY_INTERRUPTED = "DeployInterrupted"
    CONFIGURATION = "ConfigurationError"
    MODEL_DAMAGED = "ModelDamaged"


@dataclass(frozen=True, kw_only=True)
class PlacedModel:
    """A model as it lies in a service, under ``azureml-models/NAME/VERSION``.

    ``version`` is 0 for an unregistered file, as in v1's local deployment. ``trusted_types`` are
    those the workspace approved for a skops archive.
    """

    name: str
    version: int
    digest: str
    files: tuple[ContentFile, ...]
    loader: str | None = None
    framework: str = "custom"
    trusted_types: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """``name:version``."""
        return f"{self.name}:{self.version}"


@dataclass(frozen=True, kw_only=True)
class DeploymentSpec:
    """Everything resolved; the only input of a target besides the content store.

    Attributes:
        runtime: Digest of the scoring server's code.
        secrets: Name to digest of the value; values lie in files of mode 0600.
        tags: Labels that can change.
        properties: Facts, which are added to.
        v1_compute_type: ``Local``, ``ACI`` or ``AKS``, where it was deployed as one of v1's.
        commit: What git has the sources as; empty where it has not, or where they were changed.
    """

    name: str
    target: str
    models: tuple[PlacedModel, ...]
    source: SourceTree
    lock: Lock
    runtime: str
    config: DeploymentConfig
    sample: Sample | None = None
    variables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    v1_compute_type: str = ""
    commit: str = ""

    @property
    def compute_type(self) -> str:
        """Where it runs, in the words it was deployed with."""
        return self.v1_compute_type or self.config.compute_type

    @property
    def content(self) -> tuple[ContentFile, ...]:
        """Every file of the content store that the service needs."""
        models = (file for model in self.models for file in model.files)
        sample = (self.sample.content,) if self.sample else ()
        return (*models, *self.source.files, *sample)

    @property
    def digest(self) -> str:
        """SHA-256 of what decides whether there is anything to do.

        What only describes it is left out: that changes in place.
        """
        from mlmagic.files import digest_text, to_builtins, to_json

        bare = replace(self, description="", tags={}, properties={}, v1_compute_type="", commit="")
        facts = to_builtins(bare)
        for model in facts["models"]:
            model.update(_GONE_OF_MODELS)
        later = _LATER_OF_CONFIGS.items()
        facts["config"] = {name: v for name, v in facts["config"].items() if (name, v) not in later}
        return digest_text(to_json(facts, indent=0))


@dataclass(frozen=True, kw_only=True)
class Replica:
    """One worker process (container, pod) of a service."""

    name: str
    ready: bool
    stage: str
    pid: int | None = None
    started_at: datetime | None = None
    restarts: int = 0
    memory_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class ServiceStatus:
    """What a service is now, said by its target.

    Attributes:
        reason: One word for machines.
        message: The same for people.
        next_step: What to do, with the command to run; empty where nothing is to be done.
        stage: ``environment``, ``image``, ``push``, ``start``, ``init``, ``sample`` or ``ready``.
        traceback: The user's traceback with cell coordinates, where there is one.
        generation: The revision that answers requests; 0 where none does.
    """

    state: ServiceState
    reason: Reason
    message: str
    next_step: str = ""
    stage: str = ""
    replicas_wanted: int = 0
    replicas: tuple[Replica, ...] = ()
    traceback: str = ""
    generation: int = 0

    @property
    def replicas_ready(self) -> int:
        """How many replicas answer."""
        return sum(replica.ready for replica in self.replicas)


@dataclass(frozen=True, kw_only=True)
class ServiceEvent:
    """Something that happened to a service.

    Attributes:
        type: ``Normal``, or ``Warning`` for what should not have happened.
        reason: One word for machines.
        about: What it happened to, such as ``revision/2``, ``worker/4711`` or ``pod/NAME``.
        message: The same for people.
    """

    at: datetime
    type: str = "Normal"
    reason: str
    about: str
    message: str

    @property
    def line(self) -> str:
        """The event as it is shown, at the time of UTC."""
        at = self.at.astimezone(UTC)
        return f"{at:%Y-%m-%d %H:%M:%S}  {self.type}  {self.reason}  {self.about}  {self.message}"


@dataclass(frozen=True, kw_only=True)
class Revision:
    """One specification that a service was asked to run.

    Attributes:
        origin: The cell that the entry script was captured from, to show its line numbers.
        script_path: Where the entry script lay when it was deployed; ``reload`` reads it again.
        source_directory: The source directory likewise, where one was given.
        note: Why it was made, such as ``rollback to revision 2``.
    """

    generation: int
    spec: DeploymentSpec
    created_at: datetime
    origin: CellOrigin | None = None
    script_path: str = ""
    source_directory: str | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ServiceRecord:
    """The durable fact of a service; enough for a new process to attach to it.

    Attributes:
        generation: Grows by one with each change; guards against two writers.
        current: Generation of the revision that should run.
        wanted: ``running`` or ``stopped``, or ``deleting`` while it is taken away.
        deploying: Process that holds the deployment, while one does (host, boot id, pid, start).
        failure: Why the newest revision did not come up, if it did not.
        facts: What the target needs to find the service again.
    """

    name: str
    target: str
    generation: int
    current: int
    wanted: Literal["running", "stopped", "deleting"] = "running"
    revisions: tuple[Revision, ...]
    created_at: datetime
    updated_at: datetime
    deploying: ProcessIdentity | None = None
    failure: ServiceStatus | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def spec(self) -> DeploymentSpec:
        """The specification of the current revision."""
        return self.revision(self.current).spec

    def revision(self, generation: int) -> Revision:
        """Return one revision; KeyError where it is not kept."""
        for revision in self.revisions:
            if revision.generation == generation:
                return revision
        raise KeyError(generation)


@dataclass(frozen=True, kw_only=True)
class ProcessIdentity:
    """A process, told apart from a later one with the same number.

    Attributes:
        host: Host name.
        boot_id: Identifies this run of the operating system.
        pid: Process number.
        started: Start time, seconds since the epoch.
    """

    host: str
    boot_id: str
    pid: int
    started: float
