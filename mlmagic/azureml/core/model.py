"""``azureml.core.model``: registered models, inference configurations, and ``Model.deploy``."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.azureml.core.inference_config import InferenceConfig
from mlmagic.azureml.core.model_package import ModelPackage
from mlmagic.azureml.core.model_rules import check_name, children, filters
from mlmagic.azureml.core.resource_configuration import ResourceConfiguration
from mlmagic.azureml.coverage import differs, refuse
from mlmagic.azureml.exceptions import (
    ModelNotFoundException,
    UserErrorException,
    WebserviceException,
)
from mlmagic.azureml.translating import as_v1
from mlmagic.errors import ModelNotFoundError, RegistryError

if TYPE_CHECKING:
    import builtins

    from mlmagic.azureml.core.run import Run
    from mlmagic.azureml.core.webservice import Webservice
    from mlmagic.azureml.core.workspace import Workspace
    from mlmagic.entities import Model as Entity

# What only v1 knows of a model is kept among its properties, and not shown there.
_FACTS = "azureml."
_PAGES = (20, 255)
_WORDS = {"scikit-learn": "ScikitLearn", "onnx": "Onnx", "pytorch": "PyTorch"} | {
    "keras": "TensorFlow"
}
_DATA = "Data sets are not kept: give a sample with 'mlmagic model register --sample'."

__all__ = ["InferenceConfig", "Model", "ModelPackage", "register"]


@refuse("Measure the deployed service, and give it cpu_cores and memory_gb.", "profile")
@refuse("The files are on this machine: download() copies them.", "get_sas_urls")
@refuse(_DATA, "add_dataset_references")
class Model:
    """A version of a registered model.

    Args:
        workspace: Where it is registered.
        name: Its name; the newest version that matches.
        id: ``name:version`` instead.
        version: A version of the name.

    Raises:
        WebserviceException: Neither a name nor an id is given; or v1's ``ModelNotFound``.
    """

    class Framework:
        """v1's words for frameworks."""

        CUSTOM = "Custom"
        TENSORFLOW = "TensorFlow"
        SCIKITLEARN = "ScikitLearn"
        ONNX = "Onnx"
        TFKERAS = "TfKeras"
        PYTORCH = "PyTorch"
        MULTI = "Multi"

    def __init__(
        self,
        workspace: Workspace,
        name: str | None = None,
        id: str | None = None,
        tags: list[Any] | None = None,
        properties: list[Any] | None = None,
        version: int | None = None,
        run_id: str | None = None,
        model_framework: str | None = None,
        expand: bool = True,
        **_: Any,
    ) -> None:
        self.workspace = workspace
        if not name and not id:
            raise WebserviceException("Error, one of id or name must be provided.")
        found = _matching(
            workspace, name or str(id).partition(":")[0], tags, properties, run_id, model_framework
        )
        wanted = int(str(id).partition(":")[2] or 0) if id else version
        found = [each for each in found if not wanted or each.version == wanted]
        if not found:
            told = (
                f"id {id}" if id else f"name {name}" + (f" and version {version}" * bool(version))
            )
            raise WebserviceException(
                f"ModelNotFound: Model with {told} not found in provided workspace"
            )
        self._take(max(found, key=lambda each: each.version))

    def _take(self, entity: Entity) -> None:
        self._entity = entity
        facts = {k: v for k, v in entity.properties.items() if k.startswith(_FACTS)}
        self.name, self.version, self.id = entity.name, entity.version, entity.id
        self.tags = dict(entity.tags)
        self.properties = {k: v for k, v in entity.properties.items() if k not in facts}
        self.description = entity.description or None
        self.created_time = entity.created_at
        self.created_by: str | None = getattr(entity, "created_by", "") or None
        self.mime_type, self.unpack = "application/json", False
        self.url = f"aml://asset/{entity.digest}"
        word = facts.get(f"{_FACTS}framework")
        self.model_framework = word or _WORDS.get(entity.framework, "Custom")
        self.model_framework_version = entity.framework_version
        self.experiment_name = facts.get(f"{_FACTS}experiment")
        self.run_id = facts.get(f"{_FACTS}run")
        self.parent_id = entity.lineage.parent
        self.datasets: dict[str, Any] = {}
        self.sample_input_dataset = self.sample_output_dataset = None
        resources = facts.get(f"{_FACTS}resources")
        self.resource_configuration = ResourceConfiguration.deserialize(
            json.loads(resources) if resources else None
        )

    @property
    def derived_model_ids(self) -> builtins.list[str]:
        """The models that name this one as their parent (``--parent`` when they are registered)."""
        return [each.id for each in self.workspace.local.list_models(parent=self.id, archived=True)]

    @property
    def run(self) -> Run | None:
        """The run it was registered from."""
        return self.workspace.get_run(self.run_id) if self.run_id else None

    @staticmethod
    @differs("The path may lie outside the current folder; data sets are not kept")
    def register(
        workspace: Workspace,
        model_path: str,
        model_name: str,
        tags: dict[str, str] | None = None,
        properties: dict[str, str] | None = None,
        description: str | None = None,
        datasets: Any = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        child_paths: list[str] | None = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: ResourceConfiguration | None = None,
    ) -> Model:
        """Register a file or folder as the next version of a name."""
        check_name(model_name)
        if model_framework_version and not model_framework:
            raise WebserviceException(
                "Model framework version cannot be provided without a valid framework"
            )
        path = Path(model_path)
        if not path.exists():
            raise WebserviceException(f'Error, provided model path "{model_path}" cannot be found')
        with tempfile.TemporaryDirectory() as scratch:
            source = children(path, child_paths, Path(scratch)) if child_paths else path
            print(f"Registering model {model_name}")
            return register(
                workspace,
                [source],
                model_name,
                tags=tags,
                properties=properties,
                description=description,
                framework=model_framework,
                framework_version=model_framework_version,
                resources=resource_configuration,
            )

    @staticmethod
    def list(
        workspace: Workspace,
        name: str | None = None,
        tags: builtins.list[Any] | None = None,
        properties: builtins.list[Any] | None = None,
        run_id: str | None = None,
        latest: bool = False,
        dataset_id: str | None = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: str | None = None,
    ) -> builtins.list[Model]:
        """Return the versions that match, newest first."""
        if not _PAGES[0] <= page_count <= _PAGES[1]:
            raise UserErrorException(
                f"Expected page_count value is between {_PAGES[0]} and {_PAGES[1]}. "
                f"Provided: {page_count}"
            )
        if dataset_id:
            return []
        found = _matching(workspace, name, tags, properties, run_id, model_framework)
        found.sort(key=lambda each: (each.created_at, each.version), reverse=True)
        if latest:
            newest: dict[str, Entity] = {}
            for each in found:
                newest.setdefault(each.name, each)
            found = [*newest.values()]
        return [_of(workspace, each) for each in found]

    @staticmethod
    @as_v1
    def get_model_path(
        model_name: str, version: int | None = None, _workspace: Workspace | None = None
    ) -> str:
        """Say where a model's file lies: in a service, beside the script; else downloaded."""
        from mlmagic.scoring.models import ModelLoadError, get_model_path

        if version is not None and not isinstance(version, int):
            raise WebserviceException("version should be an int")
        if _workspace is not None and "AZUREML_MODEL_DIR" not in os.environ:
            found = Model(_workspace, model_name, version=version)
            target = Path("azureml-models", found.name, f"{found.version}")
            return found.download(str(target), exist_ok=True)
        try:
            return get_model_path(model_name, version)
        except ModelLoadError as error:
            raise ModelNotFoundException(f"{error}") from error

    @staticmethod
    def deploy(
        workspace: Workspace,
        name: str,
        models: builtins.list[Any],
        inference_config: InferenceConfig | None = None,
        deployment_config: Any = None,
        deployment_target: Any = None,
        overwrite: bool = False,
        show_output: bool = False,
    ) -> Webservice:
        """Deploy models behind an entry script; returns while the deployment goes on."""
        from mlmagic.azureml.core.webservice.deploying import deploy

        return deploy(
            workspace,
            name,
            models,
            inference_config,
            deployment_config,
            deployment_target,
            overwrite=overwrite,
            show_output=show_output,
        )

    @staticmethod
    @differs("The image goes to the Docker engine of this machine; returns when it is made")
    def package(
        workspace: Workspace,
        models: builtins.list[Any],
        inference_config: InferenceConfig | None = None,
        generate_dockerfile: bool = False,
        image_name: str | None = None,
        image_label: str | None = None,
    ) -> ModelPackage:
        """Make an image of models behind an entry script, or the files to build one from."""
        from mlmagic.azureml.core.model_package import package

        return package(
            workspace,
            models,
            inference_config,
            generate_dockerfile=generate_dockerfile,
            image_name=image_name,
            image_label=image_label,
        )

    @staticmethod
    def print_configuration(
        models: builtins.list[Any],
        inference_config: InferenceConfig,
        deployment_config: Any,
        deployment_target: Any,
    ) -> None:
        """Print what is about to be deployed."""
        if models:
            print(f"Models: {[getattr(model, 'id', model) for model in models]}")
        if deployment_target is not None:
            print(f"Compute target: {getattr(deployment_target, 'name', deployment_target)}")
        if inference_config is not None:
            print(f"Entry script: {inference_config.entry_script}")
            if inference_config.environment is not None:
                conda = inference_config.environment.python.conda_dependencies
                if conda is not None:
                    print(f"Environment dependencies: {conda.as_dict()['dependencies']}")
        if deployment_config is not None:
            deployment_config.print_deploy_configuration()

    @as_v1
    def download(
        self,
        target_dir: str = ".",
        exist_ok: bool = False,
        exists_ok: bool | None = None,
    ) -> str:
        """Write the files into a folder, and return their common path."""
        if exists_ok is not None:
            exist_ok = exists_ok
        try:
            path = self.workspace.local.download_model(
                self.id, target_dir=target_dir, overwrite=exist_ok
            )
        except RegistryError as error:
            if "exist" not in str(error):
                raise
            raise WebserviceException(
                f"File already exists. To overwrite, set exist_ok to True. {error}"
            ) from error
        return str(path)

    @differs("Sample data sets are not kept")
    @as_v1
    def update(
        self,
        tags: dict[str, str] | None = None,
        description: str | None = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: ResourceConfiguration | None = None,
    ) -> None:
        """Replace the given parts; tags are replaced as a whole."""
        facts = _facts(resources=resource_configuration)
        removed = [key for key in self.tags if tags is not None and key not in tags]
        self._change(
            description=description,
            add_tags=tags,
            remove_tags=removed,
            add_properties={k: v for k, v in facts.items() if k not in self._entity.properties},
        )

    @as_v1
    def update_tags_properties(
        self,
        add_tags: dict[str, str] | None = None,
        remove_tags: builtins.list[str] | None = None,
        add_properties: dict[str, str] | None = None,
    ) -> None:
        """Change tags and add properties."""
        for key, value in (add_tags or {}).items():
            if key in self.tags:
                print(f"Replacing tag {key} -> {self.tags[key]} with {key} -> {value}")
        if remove_tags and not self.tags:
            print("Model has no tags to remove.")
        for key in remove_tags or ():
            if self.tags and key not in self.tags:
                print(f"Tag with key {key} not found.")
        if fixed := sorted({*(add_properties or ())} & {*self.properties}):
            raise WebserviceException(
                "Error, properties are immutable, the following keys cannot be added/modified: "
                f"{', '.join(fixed)}"
            )
        self._change(
            add_tags=add_tags,
            remove_tags=[key for key in remove_tags or () if key in self.tags],
            add_properties=add_properties,
        )

    def add_tags(self, tags: dict[str, str]) -> None:
        """Set tags."""
        self.update_tags_properties(add_tags=tags)
        print("Model tag add operation complete.")

    def remove_tags(self, tags: builtins.list[str]) -> None:
        """Take tags away."""
        self.update_tags_properties(remove_tags=tags)
        print("Model tag remove operation complete.")

    def add_properties(self, properties: dict[str, str]) -> None:
        """Add properties; those there are cannot change."""
        self.update_tags_properties(add_properties=properties)
        print("Model properties add operation complete.")

    @as_v1
    def delete(self) -> None:
        """Delete this version; refused while a service uses it."""
        self.workspace.local.delete_model(self.id)

    def serialize(self) -> dict[str, Any]:
        """Return it under v1's keys."""
        resources = self.resource_configuration
        return {
            "createdTime": self.created_time.isoformat(),
            "createdBy": self.created_by,
            "description": self.description,
            "id": self.id,
            "mimeType": self.mime_type,
            "name": self.name,
            "framework": self.model_framework,
            "frameworkVersion": self.model_framework_version,
            "tags": self.tags,
            "properties": self.properties,
            "unpack": self.unpack,
            "url": self.url,
            "version": self.version,
            "experimentName": self.experiment_name,
            "runId": self.run_id,
            "runDetails": None,
            "datasets": self.datasets,
            "resourceConfiguration": resources.serialize() if resources else None,
            "sampleInputDatasetId": None,
            "sampleOutputDatasetId": None,
        }

    @staticmethod
    def deserialize(workspace: Workspace, model_payload: dict[str, Any]) -> Model:
        """Return the model that `serialize` told of."""
        return Model(workspace, id=model_payload["id"])

    def __repr__(self) -> str:
        return (
            f"Model(workspace={self.workspace!r}, name={self.name}, id={self.id}, "
            f"version={self.version}, tags={self.tags}, properties={self.properties})"
        )

    def _change(self, **parts: Any) -> None:
        self._take(self.workspace.local.update_model(self.id, **parts))


@as_v1
def register(
    workspace: Workspace,
    sources: builtins.list[Any],
    name: str,
    *,
    tags: dict[str, str] | None,
    properties: dict[str, str] | None,
    description: str | None,
    framework: str | None,
    framework_version: str | None,
    resources: ResourceConfiguration | None,
    run: Run | None = None,
    **trial: Any,
) -> Model:
    """Register files, or a ``trial`` of a search, as the next version of a name, as v1 did."""
    check_name(name)
    for what, given in (("Tags", tags), ("Properties", properties)):
        if given is not None and not isinstance(given, dict):
            raise WebserviceException(f"{what} must be a dict")
    if resources is not None:
        resources._validate_configuration()
    known = framework in {"ScikitLearn", "Onnx", "PyTorch"}
    facts = _facts(framework=framework, resources=resources, run=run)
    done = workspace.local.register_model(
        sources[0],
        name=name,
        tags={key: f"{value}" for key, value in (tags or {}).items()},
        properties={key: f"{value}" for key, value in (properties or {}).items()} | facts,
        description=description,
        framework=framework if known else ("custom" if framework_version else None),
        framework_version=framework_version,
        new_version=True,
        **trial,
    )
    return _of(workspace, done.model)


def _of(workspace: Workspace, entity: Entity) -> Model:
    model = Model.__new__(Model)
    model.workspace = workspace
    model._take(entity)
    return model


def _matching(
    workspace: Workspace,
    name: str | None,
    tags: builtins.list[Any] | None,
    properties: builtins.list[Any] | None,
    run_id: str | None,
    framework: str | None,
) -> builtins.list[Entity]:
    try:
        found = workspace.local.list_models(
            name=name, tags=filters("tags", tags), properties=filters("properties", properties)
        )
    except ModelNotFoundError:
        return []
    if run_id:
        found = [each for each in found if each.properties.get(f"{_FACTS}run") == run_id]
    if framework:
        found = [each for each in found if _of(workspace, each).model_framework == framework]
    return list(found)


def _facts(
    *,
    framework: str | None = None,
    resources: ResourceConfiguration | None = None,
    run: Run | None = None,
) -> dict[str, str]:
    facts = {
        "framework": framework,
        "resources": json.dumps(resources.serialize()) if resources else None,
        "run": run.id if run else None,
        "experiment": run.experiment.name if run else None,
    }
    return {f"{_FACTS}{key}": value for key, value in facts.items() if value is not None}
