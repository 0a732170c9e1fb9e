"""The parts of a deployment, each found by one rule: models, samples, environments, options."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.configurations import (
    environment_of_run_configuration,
    fitting_python,
    is_file_name,
    read_environment_directory,
    take_apart,
)
from mlmagic.configurations.v1_environment import FILE as V1_ENVIRONMENT_FILE
from mlmagic.entities import (
    DockerDeploymentConfig,
    Environment,
    KubernetesDeploymentConfig,
    Sample,
)
from mlmagic.errors import (
    ConfigurationError,
    EnvironmentNotFoundError,
    ModelNotFoundError,
    RegistryError,
    Remark,
    UnsafeModelError,
)
from mlmagic.registry import placed_model, read_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlmagic.entities import DeploymentConfig, InferenceConfig, Model, PlacedModel
    from mlmagic.workspace.rooms import Rooms


_RUN_CONFIGURATION = ".runconfig"


def find_model(rooms: Rooms, reference: str | Path) -> tuple[PlacedModel, Model]:
    """Take a registered model by ``name`` or ``name:version``, else a path.

    Raises:
        ModelNotFoundError: It is neither; the message names the nearest model.
        UnsafeModelError: This workspace does not trust it, it lacks the signature that the
            workspace requires, or it is a path and registering it would need trust.
        RegistryError: It is a path, and cannot be read.
    """
    try:
        model = rooms.registry.get(str(reference))
    except RegistryError as error:
        path = Path(reference).expanduser()
        if not path.exists():
            if path.name == str(reference):
                raise
            message = f"There is no file '{reference}', and no model is registered as that."
            is_address = "://" in str(reference)
            hint = "Register it first: %register ADDRESS --name NAME." if is_address else None
            raise ModelNotFoundError(message, hint=hint) from error
        if rooms.settings.require_signature:
            raise UnsafeModelError(
                f"The file '{reference}' is not registered, and this workspace deploys only signed"
                " models.",
                hint="Register it, and sign it with %ml model sign.",
            ) from error
        model = rooms.registry.unregistered(path)
        return placed_model(model), model
    _check(rooms, model)
    return placed_model(model), model


def find_again(rooms: Rooms, placed: PlacedModel) -> Model | None:
    """Look up a model that a service has already, before it is deployed once more.

    Returns:
        None for files that were never registered, and for models that were deleted.

    Raises:
        UnsafeModelError: As for ``find_model``: what held then need not hold now.
    """
    try:
        model = rooms.registry.get(placed.id) if placed.version else None
    except ModelNotFoundError:
        model = None
    if model is not None and model.digest == placed.digest:
        _check(rooms, model)
        return model
    rooms.registry.trust.check(placed)
    if rooms.settings.require_signature:
        raise UnsafeModelError(
            f"The model '{placed.id}' of the service is not registered, and this workspace deploys"
            " only signed models.",
            hint="Register it, sign it with %ml model sign, and name it in the update (--model).",
        )
    return None


def _check(rooms: Rooms, model: Model) -> None:
    rooms.registry.check_trust(model)
    if rooms.settings.require_signature:
        from mlmagic.registry.signing import public_keys, verify

        keys = rooms.settings.signing_keys
        verify(model, rooms.content, public_keys(keys) if keys else [])


def keep_sample(rooms: Rooms, value: object) -> Sample:
    """Put a sample input into the content store."""
    body = read_sample(value)
    content = rooms.content.add_bytes(body.body, name="sample")
    return Sample(kind=body.kind, shape=body.shape, content=content)


def find_environment(
    rooms: Rooms,
    named: str,
    directory: Path | None,
    *,
    say: Callable[[str], None],
    of_v1: bool = False,
) -> Environment:
    """Take an environment by its name in the workspace, or from a file or folder.

    ``NAME:VERSION`` and the names of Azure ML's curated environments are of v1's objects.

    Args:
        rooms: The workspace.
        named: The name, or the path.
        directory: Folder that a path is looked for in, before the current one.
        say: Receives what is not done as an object of v1 says.
        of_v1: A configuration of v1 names it; where it is the user who names a file, what the
            file says holds.
    """
    for folder in (directory, Path.cwd()):
        if folder and named.endswith(_RUN_CONFIGURATION) and (folder / named).is_file():
            return environment_of(rooms, environment_of_run_configuration(folder / named), say)
        if folder and (folder / named).is_file():
            file = folder / named
            return _conda_of_v1(rooms, file, say) if of_v1 else rooms.environments.read(file)
        if folder and (folder / named / V1_ENVIRONMENT_FILE).is_file():
            return environment_of(rooms, read_environment_directory(folder / named), say)
    name, _, version = named.partition(":")
    if version or name.lower().startswith("azureml-"):
        document = rooms.environment_documents.get(name, version=version or None)
        return environment_of(rooms, document, say)
    if is_file_name(named) and named not in rooms.environments.names():
        raise EnvironmentNotFoundError(
            f"The environment file '{named}' does not exist.",
            hint=f"It is looked for from '{directory or Path.cwd()}'.",
        )
    return rooms.environments.get(named)


def _conda_of_v1(rooms: Rooms, file: Path, say: Callable[[str], None]) -> Environment:
    """Read a file that v1 names: in Conda YAML, a Python too old for services becomes this one."""
    import yaml

    content: Any = None
    if file.suffix in (".yml", ".yaml") and file.is_file():
        with contextlib.suppress(ValueError, yaml.YAMLError):  # told by whoever reads it
            content = yaml.safe_load(file.read_text("utf-8-sig"))
    if not isinstance(content, dict):
        return rooms.environments.read(file)
    notes: list[str] = []
    text = yaml.safe_dump(fitting_python(content, notes), sort_keys=False)
    for note in notes:
        say(Remark(f"'{file.name}': {note}"))
    name = f"{content.get('name') or file.stem}"
    made = rooms.environments.from_conda(name, text, base=file.parent)
    return replace(made, origin=f"{file}")


def environment_of(
    rooms: Rooms, document: dict[str, Any], say: Callable[[str], None]
) -> Environment:
    """Make an environment of v1's object, without keeping it."""
    import yaml

    parts = take_apart(document, where=f"'{document.get('name')}'")
    for note in parts.notes:
        say(Remark(f"environment '{document.get('name')}': {note}."))
    if parts.environment and "condaDependenciesFile" in (document.get("python") or {}):
        found = _conda_of_v1(rooms, rooms.root / parts.environment, say)
        variables = {**found.variables, **parts.variables}
        return replace(found, variables=variables, image=parts.image)
    if not parts.definition:
        raise ConfigurationError(
            f"The environment '{document.get('name')}' names no packages.",
            hint="Add 'python.condaDependencies', or leave the environment out.",
        )
    text = yaml.safe_dump(parts.definition, sort_keys=False)
    made = rooms.environments.from_conda(f"{document.get('name')}", text, base=rooms.root)
    return replace(made, variables=parts.variables, image=parts.image)


def define_environment(rooms: Rooms, inference: InferenceConfig, service: str) -> Environment:
    """Register the environment that a v1 inference configuration holds, as v1 did.

    One without a name of its own is named after the service.
    """
    name = f"{inference.document.get('name') or ''}"
    if not name or name.lower().startswith(("azureml", "microsoft")):
        name = f"{service}-env"
    register_document(rooms, {**inference.document, "name": name})
    return rooms.environments.get(name)


def register_document(rooms: Rooms, document: dict[str, Any]) -> dict[str, Any]:
    """Keep an environment object, and what it defines under its name; see `Workspace`."""
    import yaml

    name = f"{document.get('name')}"
    parts = take_apart(document, where=f"'{name}'")
    if parts.definition:
        rooms.environments.define(
            name,
            yaml.safe_dump(parts.definition, sort_keys=False),
            base=rooms.root,
            variables=parts.variables,
            image=parts.image,
        )
    return rooms.environment_documents.register(document)


def capture_environment(
    rooms: Rooms,
    script: Path,
    directory: Path | None,
    models: Sequence[Model],
    say: Callable[[str], None],
) -> Environment:
    """Take what a script imports and its models need, from the running interpreter."""
    from mlmagic.environments.distributions import installed
    from mlmagic.scripts import imported_modules

    imports = imported_modules(script, roots=[directory] if directory else [])
    needed = tuple(line for model in models for line in model.requirements)
    # An import that may fail is met where it is met here, as in the notebook.
    optional = (name for name in imports.optional if name in installed().modules)
    captured = rooms.environments.capture(
        [*imports.distributions, *optional], requirements=needed, name=script.stem, on_event=say
    )
    return replace(captured, origin=f"the imports of '{script.name}'")


def check_config(config: DeploymentConfig) -> DeploymentConfig:
    """Check ranges and quantities that types cannot; paths become absolute.

    Raises:
        ConfigurationError: A value is out of range; the message names it.
    """
    from mlmagic.configurations import cpu_cores, memory_bytes

    if config.port is not None and not 1 <= config.port <= 65535:  # noqa: PLR2004 - TCP's range
        raise ConfigurationError(
            f"Invalid configuration, port '{config.port}' must be an integer in range [1, 65535]."
        )
    for name in ("workers", "threads", "scoring_timeout_ms", "queue_wait_ms"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise ConfigurationError(f"The option '{name}' is '{value}', but must be at least 1.")
    if config.cpu is not None:
        cpu_cores(config.cpu)
    if config.memory is not None:
        memory_bytes(config.memory)
    if (
        isinstance(config, DockerDeploymentConfig | KubernetesDeploymentConfig)
        and config.standalone_python is not None
    ):
        from mlmagic.images.standalone import StandalonePython

        # Whoever makes the image works in another folder.
        pinned = StandalonePython.parse(config.standalone_python)
        return replace(config, standalone_python=str(pinned))
    return config
