"""From what a user gave to a ``DeploymentSpec`` in which nothing is open."""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import get_annotations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.configurations import collection
from mlmagic.entities import (
    DeploymentConfig,
    DeploymentSpec,
    Lock,
    PlacedModel,
    Sample,
    SourceTree,
    config_class,
)
from mlmagic.errors import (
    ConfigurationError,
    Remark,
    ScriptContractError,
    did_you_mean,
)
from mlmagic.files import digest_bytes, digest_file
from mlmagic.options.values import target_of
from mlmagic.workspace.parts import (
    capture_environment,
    check_config,
    define_environment,
    find_again,
    find_environment,
    find_model,
    keep_sample,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmagic.configurations import Configuration
    from mlmagic.entities import (
        CellOrigin,
        Environment,
        InferenceConfig,
        Model,
        Revision,
        ServiceRecord,
    )
    from mlmagic.scripts import ScriptRecord
    from mlmagic.workspace.rooms import Rooms


@dataclass(frozen=True, kw_only=True)
class DeploymentRequest:
    """What the user gave; see `Workspace.deploy` for the fields."""

    name: str
    models: tuple[str | Path, ...] | None = None
    script: str | Path | None = None
    source_directory: str | Path | None = None
    environment: str | None = None
    inference_config: str | Mapping[str, Any] | None = None
    deployment_config: str | Mapping[str, Any] | None = None
    target: str | None = None
    variables: Mapping[str, str] | None = None
    secrets: Mapping[str, str] | None = None
    sample: object = None
    allow: tuple[str, ...] = ()
    tags: Mapping[str, str] | None = None
    add_tags: Mapping[str, str] = field(default_factory=dict)
    remove_tags: tuple[str, ...] = ()
    properties: Mapping[str, str] | None = None
    add_properties: Mapping[str, str] = field(default_factory=dict)
    v1_compute_type: str | None = None
    primary_key: str | None = None
    secondary_key: str | None = None
    collect_model_data: bool | None = None
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
        keys: The primary and the secondary key, where they are given; likewise.
    """

    spec: DeploymentSpec
    origin: CellOrigin | None
    script_path: str
    source_directory: str | None
    secrets: dict[str, bytes]
    keys: tuple[str | None, str | None] = (None, None)


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
        self.deployment: Configuration | None = None
        if request.inference_config:
            self.inference = rooms.configurations.read_inference(request.inference_config)
            for note in self.inference.notes:
                say(Remark(f"inference configuration: {note}."))
        if request.deployment_config:
            self.deployment = rooms.configurations.read_deployment(request.deployment_config)
            for warning in self.deployment.warnings:
                say(Remark(f"{self.deployment.name}: {warning.message}"))

    def resolve(self) -> Resolved:
        from mlmagic.services import check_name

        check_name(self.request.name)
        script, directory = self._script()
        known = self.rooms.scripts.recall(digest_file(script)) if script else None
        if known and known.source_directory and not directory:
            directory = Path(known.source_directory)
        named = self._named_environment(directory)
        target, config = self._config(named)
        models = self._models(known)
        source = self._source(script, directory)
        lock, variables = self._environment(script, directory, known, models, named)
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
            variables=self._variables(variables),
            secrets=digests,
            description=_first(self.request.description, base and base.description, ""),
            tags=self._tags(base),
            properties={
                **_first(self.request.properties, base and base.properties, {}),
                **self.request.add_properties,
            },
            v1_compute_type=_first(
                self.request.v1_compute_type,
                self._v1_compute_type(),
                base and base.v1_compute_type,
                "",
            ),
            commit=self._commit(script, directory),
        )
        kept = self.base if script is None else None
        return Resolved(
            spec=spec,
            origin=kept.origin if kept else (known.origin if known else None),
            script_path=str(script) if script else (kept.script_path if kept else ""),
            source_directory=(
                kept.source_directory if kept else str(directory) if directory else None
            ),
            secrets=secrets,
            keys=self._keys(config),
        )

    def _config(self, environment: Environment | None) -> tuple[str, DeploymentConfig]:
        """Merge the deployment configuration: the line wins over the file, over the base."""
        import msgspec

        from mlmagic.configurations import expand
        from mlmagic.options import configuration_options

        read = self.deployment
        target = self._named_target(read.compute_type if read else None)
        default = self.base.spec.target if self.base else self.rooms.settings.default_target
        sent = self.rooms.settings.target
        target = sent or self._named_target(self.request.target) or target or default
        compute_type = self.rooms.targets.compute_type(target)
        kind = config_class(compute_type)
        start = self.base.spec.config if self.base else None
        merged = msgspec.to_builtins(start) if isinstance(start, kind) else {}
        image = environment.image if environment else {}
        image = image or (self.inference.image if self.inference else {})
        merged = _over(merged, self._fitting(image, kind, target, "environment"))
        file = self.deployment.name if self.deployment else ""
        values = expand(read.values if read else {}, compute_type)
        merged = _over(merged, self._fitting(values, kind, target, file))
        given = expand(self.request.config, compute_type)
        if sent:  # the line was written for another target
            given = self._fitting(given, kind, target, f"%deploy {self.request.name}")
        for key in given:
            if key not in get_annotations(kind):
                rows = configuration_options("deployment").values()
                v1 = next(
                    (f" (v1's '{row.v1_key}')" for row in rows if row.name == key and row.v1_key),
                    "",
                )
                raise ConfigurationError(
                    f"The target '{target}' has no option '{key}'{v1}.",
                    hint=did_you_mean(key, get_annotations(kind)),
                )
        merged = _over(merged, given)
        if "auth" not in {**values, **given} and _is_opened(start, merged):
            self.say(Remark("it has keys now, as others reach it; '--auth none' does without."))
            merged["auth"] = "key"
        if compute_type == "local" and self._asks_as_v1({**values, **given}):
            said = "no keys, as v1's local services; 'authEnabled': true asks for some."
            self.say(Remark(f"{file}: {said}"))
            merged["auth"] = "none"
        try:
            return target, check_config(kind.from_values(_read_lines(merged)))
        except msgspec.ValidationError as error:
            raise ConfigurationError(f"The deployment configuration is wrong: {error}.") from error

    def _asks_as_v1(self, values: Mapping[str, Any]) -> bool:
        """Whether a new service is v1's ``computeType: local``: this machine's users reach it."""
        read, request = self.deployment, self.request
        if self.base or read is None or "auth" in values:
            return False
        if not read.of_v1 or read.compute_type != "local":
            return False
        keys = (*read.keys, request.primary_key, request.secondary_key)
        return not any(keys) and values.get("address", "127.0.0.1") == "127.0.0.1"

    def _named_target(self, named: str | None) -> str | None:
        """Take v1's kinds of compute for the targets that the settings put in their place."""
        try:
            target_of(named or "")
        except ValueError as refusal:
            raise ConfigurationError(f"The target {refusal}.") from None
        settings = self.rooms.settings
        places = {"aci": settings.aci_target, "aks": settings.aks_target}
        return places.get(named, named) if named else None

    def _fitting(
        self, values: dict[str, Any], kind: type[DeploymentConfig], target: str, said_by: str
    ) -> dict[str, Any]:
        """Leave out what is said for other targets: one file may serve several."""
        fitting = {key: value for key, value in values.items() if key in get_annotations(kind)}
        for key in values.keys() - fitting.keys():
            self.say(Remark(f"{said_by}: '{key}' is not used by target '{target}'."))
        return fitting

    def _script(self) -> tuple[Path | None, Path | None]:
        """Find the entry script and its source directory; no script keeps the base's files."""
        request, inference, base = self.request, self.inference, self.base
        directory = request.source_directory
        script = request.script
        if inference:
            directory = directory or inference.source_directory
            script = script or inference.entry_script
        if request.reload and base:
            script, directory = base.script_path, base.source_directory
        if script is None and base is None:
            raise ConfigurationError(
                f"The service '{request.name}' has no entry script.",
                hint="Name one with --script FILE; in a notebook, %%score_script writes one.",
            )
        if script is None:
            return None, None
        folder = Path(directory).expanduser().resolve() if directory else None
        if folder and not folder.is_dir():
            raise ConfigurationError(
                f"The source directory '{directory}' does not exist.",
                hint=f"It is looked for from '{Path.cwd()}'.",
            )
        # As in v1, the script is relative to the source directory where one is given.
        path = (folder / script if folder else Path(script)).expanduser().resolve()
        if folder and not path.is_file() and Path(script).is_file():
            path = Path(script).resolve()
        if not path.is_file():
            raise ConfigurationError(
                f"The entry script '{script}' does not exist"
                + (f" in '{folder}'." if folder else "."),
                hint="Correct the path; in a notebook, %%score_script writes it.",
            )
        _check_script(path)
        return path, folder

    def _models(self, known: ScriptRecord | None) -> list[tuple[PlacedModel, Model | None]]:
        references = self.request.models
        if not references and self.base and self.request.models is None:
            return [(each, find_again(self.rooms, each)) for each in self.base.spec.models]
        wanted = references or (known.models if known else ())
        return [find_model(self.rooms, reference) for reference in wanted]

    def _source(self, script: Path | None, directory: Path | None) -> SourceTree:
        from mlmagic.scripts import collect_sources

        if script is None:
            assert self.base is not None  # noqa: S101 - _script refuses a request with neither
            return self.base.spec.source
        return collect_sources(script, directory, self.rooms.content, allow=self.request.allow)

    def _named_environment(self, directory: Path | None) -> Environment | None:
        """Find the environment that the line or the inference configuration names."""
        asked = self.request.environment
        if self.inference and self.inference.document and not asked:
            return None
        if not (name := asked or (self.inference and self.inference.environment)):
            return None
        return find_environment(self.rooms, name, directory, say=self.say, of_v1=not asked)

    def _environment(
        self,
        script: Path | None,
        directory: Path | None,
        known: ScriptRecord | None,
        models: list[tuple[PlacedModel, Model | None]],
        named: Environment | None,
    ) -> tuple[Lock, dict[str, str]]:
        """Find the environment: given, configured, captured with the script, beside it, imports."""
        environments = self.rooms.environments
        if self.inference and self.inference.document and not self.request.environment:
            environment = define_environment(self.rooms, self.inference, self.request.name)
        elif named:
            environment = named
        elif self.base and (script is None or self._is_reload_alone(script, known)):
            return self.base.spec.lock, {}
        elif known and known.lock:
            return known.lock, {}
        else:
            assert script is not None  # noqa: S101 - as in _source
            beside = environments.find(directory) if directory else None
            environment = beside or capture_environment(
                self.rooms, script, directory, [m for _, m in models if m], self.say
            )
        self.say(f"environment: locking {environment.origin or environment.name}")
        return environments.lock(environment, on_event=self.say), dict(environment.variables)

    def _is_reload_alone(self, script: Path, known: ScriptRecord | None) -> bool:
        """Whether only the files are taken anew: no cell was captured since, with its imports."""
        if not self.request.reload or self.base is None:
            return False
        served = {file.sha256 for file in self.base.spec.source.files}
        return known is None or known.lock is None or digest_file(script) in served

    def _secrets(self) -> tuple[dict[str, bytes], dict[str, str]]:
        kept = dict(self.base.spec.secrets) if self.base else {}
        values: dict[str, bytes] = {}
        configured = self.deployment.secrets if self.deployment else {}
        for name, file in {**configured, **(self.request.secrets or {})}.items():
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
            return keep_sample(self.rooms, self.request.sample)
        if self.base and self.request.models is None:
            return self.base.spec.sample
        own = next((model.sample for _, model in models if model and model.sample), None)
        return own or (self.base.spec.sample if self.base is not None else None)

    def _tags(self, base: DeploymentSpec | None) -> dict[str, str]:
        request = self.request
        tags = {**_first(request.tags, base and base.tags, {}), **request.add_tags}
        if unknown := sorted(set(request.remove_tags) - tags.keys()):
            raise ConfigurationError(
                f"The service '{request.name}' has no tag '{unknown[0]}'.",
                hint=did_you_mean(unknown[0], tags),
            )
        return {key: value for key, value in tags.items() if key not in request.remove_tags}

    def _v1_compute_type(self) -> str | None:
        """Keep v1's word where the line or the file says one."""
        named = self.request.target or (self.deployment and self.deployment.compute_type)
        return {"aci": "ACI", "aks": "AKS"}.get(named or "")

    def _keys(self, config: DeploymentConfig) -> tuple[str | None, str | None]:
        from mlmagic.services import check_key

        configured = self.deployment.keys if self.deployment else (None, None)
        given = (self.request.primary_key, self.request.secondary_key)
        keys = (given[0] or configured[0], given[1] or configured[1])
        for key in filter(None, keys):
            check_key(key)
        if any(keys) and config.auth == "none":
            self.say(Remark("keys are given, but the service asks for none: add '--auth key'."))
            return None, None
        return keys

    def _variables(self, of_environment: Mapping[str, str]) -> dict[str, str]:
        """Join them: those of an environment that is asked for win over what the service has."""
        kept = self.base.spec.variables if self.base else {}
        configured = self.deployment.variables if self.deployment else {}
        given = dict(self.inference.variables) if self.inference else {}
        if self.inference and (self.inference.document or self.inference.environment):
            kept = {}  # as in v1, they went with the environment
        elif self.request.environment:
            kept = {**kept, **of_environment}
        if (collected := self.request.collect_model_data) is not None:
            configured |= collection(enabled=collected)
        return {**of_environment, **kept, **given, **configured, **(self.request.variables or {})}

    def _commit(self, script: Path | None, directory: Path | None) -> str:
        from mlmagic.workspace.lineage import commit_with

        if script is None:
            return self.base.spec.commit if self.base else ""
        return commit_with(script, directory)

    @staticmethod
    def _runtime() -> str:
        from mlmagic.environments import runtime_digest

        return runtime_digest()


def _check_script(path: Path) -> None:
    """Refuse a script that no service can run, before anything is prepared for it."""
    from mlmagic.scripts import check_contract

    if problems := tuple(check_contract(path)):
        lines = [
            f"  {path.name}:{problem.line}: {problem.message}"
            if problem.line
            else f"  {problem.message}"
            for problem in problems
        ]
        text = "\n".join([f"The entry script '{path.name}' cannot be deployed:", *lines])
        raise ScriptContractError(text, problems=problems)


def _is_opened(start: DeploymentConfig | None, values: Mapping[str, Any]) -> bool:
    """Whether a service without keys leaves the address that only this machine reaches."""
    before = (getattr(start, "auth", None), getattr(start, "address", None))
    after = (values.get("auth"), values.get("address"))
    return before == ("none", "127.0.0.1") and after[0] == "none" and after != before


def _over(values: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Lay values over others; an image takes the place of a Dockerfile, and the reverse."""
    images = {"base_image", "base_dockerfile"}
    dropped = images if images & given.keys() else set()
    return {key: value for key, value in values.items() if key not in dropped} | given


def _read_lines(values: dict[str, Any]) -> dict[str, Any]:
    """Put the lines of a Dockerfile in the place of its path: what is deployed is told by them."""
    if not (given := values.get("base_dockerfile")):
        return values
    from mlmagic.images.building import read_lines

    return {**values, "base_dockerfile": read_lines(given)}


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
