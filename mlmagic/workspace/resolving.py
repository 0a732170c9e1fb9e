"""From what a user gave to a ``DeploymentSpec`` in which nothing is open."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.entities import (
    DeploymentSpec,
    Environment,
    LocalDeploymentConfig,
    Lock,
    PlacedModel,
    Sample,
    SourceTree,
)
from mlmagic.errors import ConfigurationError, ModelNotFoundError, TargetNotFoundError, did_you_mean
from mlmagic.files import digest_bytes, digest_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmagic.entities import CellOrigin, InferenceConfig, Model, Revision, ServiceRecord
    from mlmagic.scripts import ScriptRecord
    from mlmagic.workspace.rooms import Rooms

TARGETS = ("local",)
_UNREGISTERED_NAME = 30  # characters of the base name, as v1's local deployment keeps


@dataclass(frozen=True, kw_only=True)
class DeploymentRequest:
    """What the user gave; see `Workspace.deploy` for the fields."""

    name: str
    models: tuple[str | Path, ...] | None = None
    script: str | Path | None = None
    source_directory: str | Path | None = None
    environment: str | None = None
    inference_config: str | None = None
    deployment_config: str | None = None
    target: str | None = None
    variables: Mapping[str, str] | None = None
    secrets: Mapping[str, str] | None = None
    sample: object = None
    allow: tuple[str, ...] = ()
    tags: Mapping[str, str] | None = None
    description: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    reload: bool = False


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A specification, and what goes beside it.

    Attributes:
        spec: The specification.
        origin: The cell that the script was captured from.
        script_path: Where the script lies now.
        source_directory: The source directory likewise.
        secrets: Values of the secrets that are new or changed; never kept in a record.
    """

    spec: DeploymentSpec
    origin: CellOrigin | None
    script_path: str
    source_directory: str | None
    secrets: dict[str, bytes]


def resolve(
    rooms: Rooms,
    request: DeploymentRequest,
    *,
    base: ServiceRecord | None = None,
    on_event: Callable[[str], None] | None = None,
) -> Resolved:
    """Resolve a request; with a base, what the request leaves open stays as it is there.

    Raises:
        ConfigurationError: Something is missing, unknown or contradictory.
    """
    return _Resolver(rooms, request, base, on_event or (lambda _line: None)).resolve()


class _Resolver:
    def __init__(
        self,
        rooms: Rooms,
        request: DeploymentRequest,
        base: ServiceRecord | None,
        say: Callable[[str], None],
    ) -> None:
        self.rooms = rooms
        self.request = request
        self.base: Revision | None = base.revision(base.current) if base else None
        self.say = say
        self.inference: InferenceConfig | None = None
        if request.inference_config:
            self.inference = rooms.configurations.read_inference(request.inference_config)

    def resolve(self) -> Resolved:
        target, config = self._config()
        script, directory = self._script()
        known = self.rooms.scripts.recall(digest_file(script)) if script else None
        models = self._models(known)
        source = self._source(script, directory)
        lock, variables = self._environment(script, directory, known, models)
        secrets, digests = self._secrets()
        base = self.base.spec if self.base else None
        spec = DeploymentSpec(
            name=self.request.name,
            target=target,
            models=tuple(placed for placed, _ in models),
            source=source,
            lock=lock,
            runtime=self._runtime(),
            config=config,
            sample=self._sample(models),
            variables=self._given_or(self.request.variables, base and base.variables, variables),
            secrets=digests,
            description=_first(self.request.description, base and base.description, ""),
            tags=dict(_first(self.request.tags, base and base.tags, {})),
        )
        kept = self.base if script is None else None
        return Resolved(
            spec=spec,
            origin=kept.origin if kept else (known.origin if known else None),
            script_path=str(script) if script else (kept.script_path if kept else ""),
            source_directory=str(directory) if directory else None,
            secrets=secrets,
        )

    def _config(self) -> tuple[str, LocalDeploymentConfig]:
        """Merge the deployment configuration: the line wins over the file, over the base."""
        import msgspec

        values: dict[str, Any] = {}
        target = None
        if self.request.deployment_config:
            read = self.rooms.configurations.read_deployment(self.request.deployment_config)
            target, values = read.compute_type, dict(read.values)
        values.update(self.request.config)
        default = self.base.spec.target if self.base else self.rooms.settings.default_target
        target = self.request.target or target or default
        if target not in TARGETS:
            raise TargetNotFoundError(
                f"There is no compute target '{target}'.", hint=did_you_mean(target, TARGETS)
            )
        start = self.base.spec.config if self.base else LocalDeploymentConfig()
        fields = LocalDeploymentConfig.__dataclass_fields__
        for key in values:
            if key not in fields:
                raise ConfigurationError(
                    f"The target '{target}' has no option '{key}'.", hint=did_you_mean(key, fields)
                )
        try:
            merged = {**msgspec.to_builtins(start), **values}
            return target, check_config(msgspec.convert(merged, LocalDeploymentConfig))
        except msgspec.ValidationError as error:
            raise ConfigurationError(f"The deployment configuration is wrong: {error}.") from error

    def _script(self) -> tuple[Path | None, Path | None]:
        """Find the entry script and its source directory; no script keeps the base's files."""
        request, inference, base = self.request, self.inference, self.base
        directory = request.source_directory or (inference and inference.source_directory)
        script = request.script or (inference and inference.entry_script)
        if request.reload and base:
            script, directory = base.script_path, base.source_directory
        if script is None and base is None:
            raise ConfigurationError(
                f"The service '{request.name}' has no entry script.",
                hint="Capture one with %%score_script score.py, and give --script score.py.",
            )
        if script is None:
            return None, None
        folder = Path(directory).expanduser().resolve() if directory else None
        if folder and not folder.is_dir():
            raise ConfigurationError(f"The source directory '{directory}' does not exist.")
        # As in v1, the script is relative to the source directory where one is given.
        path = (folder / script if folder else Path(script)).expanduser().resolve()
        if folder and not path.is_file() and Path(script).is_file():
            path = Path(script).resolve()
        if not path.is_file():
            raise ConfigurationError(
                f"The entry script '{script}' does not exist"
                + (f" in '{folder}'." if folder else "."),
                hint="Capture it from a cell with %%score_script, or correct the path.",
            )
        return path, folder

    def _models(self, known: ScriptRecord | None) -> list[tuple[PlacedModel, Model | None]]:
        references = self.request.models
        if not references and self.base and self.request.models is None:
            return [(placed, None) for placed in self.base.spec.models]
        return [self._model(item) for item in references or (known.models if known else ())]

    def _model(self, reference: str | Path) -> tuple[PlacedModel, Model | None]:
        """Take a registered model, else a path as v1's local deployment does."""
        try:
            model = self.rooms.registry.get(str(reference))
        except (ModelNotFoundError, ConfigurationError):
            path = Path(reference).expanduser()
            if not path.exists():
                raise
            files = self.rooms.registry.add_files(path)
            return PlacedModel(
                name=path.name[:_UNREGISTERED_NAME],
                version=0,
                digest=digest_bytes("".join(f.sha256 for f in files).encode()),
                files=files,
            ), None
        return PlacedModel(
            name=model.name,
            version=model.version,
            digest=model.digest,
            files=model.files,
            loader=model.loader,
            framework=model.framework,
        ), model

    def _source(self, script: Path | None, directory: Path | None) -> SourceTree:
        from mlmagic.scripts import collect_sources

        if script is None:
            assert self.base is not None  # noqa: S101 - _script refuses a request with neither
            return self.base.spec.source
        return collect_sources(script, directory, self.rooms.content, allow=self.request.allow)

    def _environment(
        self,
        script: Path | None,
        directory: Path | None,
        known: ScriptRecord | None,
        models: list[tuple[PlacedModel, Model | None]],
    ) -> tuple[Lock, dict[str, str]]:
        """Find the environment: given, configured, captured with the script, beside it, imports."""
        environments = self.rooms.environments
        named = self.request.environment or (self.inference and self.inference.environment)
        if named:
            environment = find_environment(self.rooms, named, directory)
        elif known and known.lock and not self.request.reload:
            return known.lock, {}
        elif script is None or (self.request.reload and known is None and self.base):
            assert self.base is not None  # noqa: S101 - as in _source
            return self.base.spec.lock, {}
        else:
            beside = environments.find(directory) if directory else None
            environment = beside or capture_environment(
                self.rooms, script, directory, [model for _, model in models if model]
            )
        self.say(f"environment: locking {environment.origin or environment.name}")
        return environments.lock(environment, on_event=self.say), dict(environment.variables)

    def _secrets(self) -> tuple[dict[str, bytes], dict[str, str]]:
        kept = dict(self.base.spec.secrets) if self.base else {}
        values: dict[str, bytes] = {}
        for name, file in (self.request.secrets or {}).items():
            try:
                values[name] = Path(file).expanduser().read_bytes()
            except OSError as error:
                raise ConfigurationError(
                    f"The secret '{name}' cannot be read from '{file}': {error.strerror}.",
                    hint="Give NAME=FILE, where FILE holds the value.",
                ) from error
        return values, {**kept, **{name: digest_bytes(value) for name, value in values.items()}}

    def _sample(self, models: list[tuple[PlacedModel, Model | None]]) -> Sample | None:
        if self.request.sample is not None:
            return self.rooms.registry.make_sample(self.request.sample)
        if self.base and self.request.models is None:
            return self.base.spec.sample
        return next((model.sample for _, model in models if model and model.sample), None)

    @staticmethod
    def _given_or(
        given: Mapping[str, str] | None, kept: Mapping[str, str] | None, more: Mapping[str, str]
    ) -> dict[str, str]:
        return {**more, **(kept or {}), **(given or {})}

    @staticmethod
    def _runtime() -> str:
        from mlmagic.environments import runtime_digest

        return runtime_digest()


def find_environment(rooms: Rooms, named: str, directory: Path | None) -> Environment:
    """Take an environment by its name in the workspace, or from a file."""
    for folder in (directory, Path.cwd()):
        if folder and (folder / named).is_file():
            return rooms.environments.read(folder / named)
    return rooms.environments.get(named)


def capture_environment(
    rooms: Rooms, script: Path, directory: Path | None, models: list[Model]
) -> Environment:
    """Take what a script imports and its models need, from the running interpreter."""
    from mlmagic.scripts import imported_modules

    imports = imported_modules(script, roots=[directory] if directory else [])
    needed = tuple(line for model in models for line in model.requirements)
    captured = rooms.environments.capture(
        imports.distributions, optional=imports.optional, requirements=needed, name=script.stem
    )
    return replace(captured, origin=f"the imports of '{script.name}'")


def check_config(config: LocalDeploymentConfig) -> LocalDeploymentConfig:
    """Check ranges and quantities that types cannot.

    Raises:
        ConfigurationError: A value is out of range; the message names it.
    """
    from mlmagic.configurations import parse_quantity

    if config.port is not None and not 1 <= config.port <= 65535:  # noqa: PLR2004 - TCP's range
        raise ConfigurationError(
            f"Invalid configuration, port '{config.port}' must be an integer in range [1, 65535]."
        )
    for name in ("workers", "threads", "scoring_timeout_ms"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise ConfigurationError(f"The option '{name}' is '{value}', but must be at least 1.")
    for quantity in (config.cpu, config.memory):
        if quantity is not None:
            parse_quantity(quantity)
    return config


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


