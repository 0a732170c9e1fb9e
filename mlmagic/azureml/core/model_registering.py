"""Models as v1 registered and found them; what only v1 knows of one is kept in its properties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmagic.azureml.core.model_rules import check_name, filters
from mlmagic.azureml.exceptions import WebserviceException
from mlmagic.azureml.translating import as_v1
from mlmagic.errors import ModelNotFoundError

if TYPE_CHECKING:
    from mlmagic.azureml.core.resource_configuration import ResourceConfiguration
    from mlmagic.azureml.core.run import Run
    from mlmagic.azureml.core.workspace import Workspace
    from mlmagic.entities import Model as Entity

# Begins the properties that are not shown among a model's own.
FACTS = "azureml."
_WORDS = {"scikit-learn": "ScikitLearn", "onnx": "Onnx", "pytorch": "PyTorch"} | {
    "keras": "TensorFlow"
}


@as_v1
def register(
    workspace: Workspace,
    source: Any,
    name: str,
    *,
    tags: dict[str, str] | None = None,
    properties: dict[str, str] | None = None,
    description: str | None = None,
    framework: str | None = None,
    framework_version: str | None = None,
    resources: ResourceConfiguration | None = None,
    run: Run | None = None,
    **how: Any,
) -> Entity:
    """Register a file or folder, a trial or a run's file, as v1 did: always a new version.

    Args:
        workspace: Where.
        source: A path or a search; None for what ``how`` names.
        name: The model's name.
        tags: Labels.
        properties: Facts.
        description: What it is, in words.
        framework: In v1's words.
        framework_version: Goes with it.
        resources: What serving it needs.
        run: The run that stands for a trial of a search.
        how: Of `Workspace.register_model`, which trial of a search, or which file of a run.
    """
    check_name(name)
    for what, given in (("Tags", tags), ("Properties", properties)):
        if given and not isinstance(given, dict):
            raise WebserviceException(f"{what} must be a dict")
    known = framework in {"ScikitLearn", "Onnx", "PyTorch"}
    facts = {
        "framework": framework,
        "run": run.id if run else None,
        "experiment": run.experiment.name if run else None,
    }
    kept = {f"{FACTS}{key}": value for key, value in facts.items() if value is not None}
    done = workspace.local.register_model(
        source,
        name=name,
        tags={key: f"{value}" for key, value in (tags or {}).items()},
        properties={key: f"{value}" for key, value in (properties or {}).items()} | kept,
        description=description,
        framework=framework if known else ("custom" if framework_version else None),
        framework_version=framework_version,
        new_version=True,
        **sizes_of(resources),
        **how,
    )
    return done.model


def matching(
    workspace: Workspace,
    name: str | None,
    tags: list[Any] | None,
    properties: list[Any] | None,
    run_id: str | None,
    framework: str | None,
) -> list[Entity]:
    """Return the versions that v1's filters let through; none where the name is not known."""
    try:
        found = workspace.local.list_models(
            name=name, tags=filters("tags", tags), properties=filters("properties", properties)
        )
    except ModelNotFoundError:
        return []
    if run_id:
        found = [each for each in found if run_of(each)[1] == run_id]
    if framework:
        found = [each for each in found if framework_of(each) == framework]
    return list(found)


def sizes_of(resources: ResourceConfiguration | None) -> dict[str, Any]:
    """Return what serving a model needs, for the registry.

    Raises:
        WebserviceException: A size is not above zero.
    """
    if resources is None:
        return {}
    resources._validate_configuration()
    return {"cpu": resources.cpu, "memory_gb": resources.memory_in_gb, "gpu": resources.gpu}


def run_of(entity: Entity) -> tuple[str | None, str | None]:
    """Return the experiment and the run that a model was registered from."""
    facts, lineage = entity.properties, entity.lineage
    return (
        facts.get(f"{FACTS}experiment") or lineage.experiment,
        facts.get(f"{FACTS}run") or lineage.run_id,
    )


def framework_of(entity: Entity) -> str:
    """Return v1's word for a model's framework: the one given, else that of what it is."""
    given = entity.properties.get(f"{FACTS}framework")
    return given or _WORDS.get(entity.framework, "Custom")
