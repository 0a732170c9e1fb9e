"""``azureml.core.model``: registered models, inference configurations, and ``Model.deploy``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.azureml.core.inference_config import InferenceConfig
from mlmagic.azureml.core.model_package import ModelPackage
from mlmagic.azureml.core.model_registering import (
    FACTS,
    framework_of,
    matching,
    register,
    run_of,
    sizes_of,
)
from mlmagic.azureml.core.model_rules import check_name, children
from mlmagic.azureml.core.resource_configuration import ResourceConfiguration
from mlmagic.azureml.coverage import always, differs, refuse
from mlmagic.azureml.exceptions import (
    ModelNotFoundException,
    UserErrorException,
    WebserviceException,
)
from mlmagic.azureml.translating import as_v1
from mlmagic.errors import RegistryError

if TYPE_CHECKING:
    import builtins
    from datetime import datetime

    from mlmagic.azureml.core.run import Run
    from mlmagic.azureml.core.webservice import Webservice
    from mlmagic.azureml.core.workspace import Workspace
    from mlmagic.entities import Model as Entity

_PAGES = (20, 255)
_NONE_KEPT = "Always empty: data sets are not kept"
_DATA = (
    "There are no data set objects: 'mlmagic model update --add-dataset SCENARIO=REFERENCE' keeps a"
    " reference to data, 'mlmagic model register --sample' a sample."
)

__all__ = ["InferenceConfig", "Model", "ModelPackage"]


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

    name: str
    version: int
    id: str
    workspace: Workspace
    tags: dict[str, str]
    properties: dict[str, str]
    description: str | None
    created_time: datetime
    created_by: str | None
    mime_type: str
    unpack: bool
    url: str
    model_framework: str
    model_framework_version: str | None
    experiment_name: str | None
    run_id: str | None
    parent_id: str | None
    resource_configuration: ResourceConfiguration | None
    sample_input_dataset = always(None, _NONE_KEPT)
    sample_output_dataset = always(None, _NONE_KEPT)

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
        **_dto: Any,
    ) -> None:
        self.workspace = workspace
        if not name and not id:
            raise WebserviceException("Error, one of id or name must be provided.")
        known, _, of_id = f"{id or name}".partition(":")
        found = matching(workspace, known, tags, properties, run_id, model_framework)
        wanted: object = of_id if id else version
        found = [each for each in found if not wanted or f"{each.version}" == f"{wanted}"]
        if not found:
            asked: dict[str, Any] = {"name": name, "id": id, "tags": tags}
            asked |= {"properties": properties, "version": version}
            asked |= {"run_id": run_id, "model_framework": model_framework}
            told = ", ".join(f"{key} {value}" for key, value in asked.items() if value)
            raise WebserviceException(
                f"ModelNotFound: Model with {told} not found in provided workspace"
            )
        self._take(max(found, key=lambda each: each.version))

    @classmethod
    def _of(cls, workspace: Workspace, entity: Entity) -> Model:
        model = cls.__new__(cls)
        model.workspace = workspace
        model._take(entity)
        return model

    def _take(self, entity: Entity) -> None:
        self._entity = entity
        facts = {k: v for k, v in entity.properties.items() if k.startswith(FACTS)}
        self.name, self.version, self.id = entity.name, entity.version, entity.id
        self.tags = dict(entity.tags)
        self.properties = {k: v for k, v in entity.properties.items() if k not in facts}
        self.description = entity.description or None
        self.created_time = entity.created_at
        self.created_by = entity.created_by or None
        self.mime_type, self.unpack = "application/json", False
        self.url = f"aml://asset/{entity.digest}"
        self.model_framework = framework_of(entity)
        self.model_framework_version = entity.framework_version
        self.experiment_name, self.run_id = run_of(entity)
        self.parent_id = entity.lineage.parent
        needs = entity.resources
        sizes = (needs.cpu, needs.memory_gb, needs.gpu)
        self.resource_configuration = ResourceConfiguration(*sizes) if any(sizes) else None

    @property
    @differs(_NONE_KEPT)
    def datasets(self) -> dict[str, Any]:
        """The data it was made with, by scenario."""
        return {}

    @property
    def derived_model_ids(self) -> builtins.list[str]:
        """The models that name this one as their parent (``--parent`` when they are registered)."""
        return [each.id for each in self.workspace.local.list_models(parent=self.id, archived=True)]

    @property
    def run(self) -> Run | None:
        """The run it was registered from, where it is one of this workspace."""
        try:
            return self.workspace.get_run(self.run_id) if self.run_id else None
        except UserErrorException:
            return None

    @staticmethod
    @differs(
        "The path may lie outside the current folder, a missing one is a WebserviceException; data "
        "sets are not kept; a pickle that nobody trusts is refused"
    )
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
            made = register(
                workspace,
                source,
                model_name,
                tags=tags,
                properties=properties,
                description=description,
                framework=model_framework,
                framework_version=model_framework_version,
                resources=resource_configuration,
            )
        return Model._of(workspace, made)

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
        page_count: int | None = 255,
        model_framework: str | None = None,
    ) -> builtins.list[Model]:
        """Return the versions that match, newest first."""
        if page_count and not _PAGES[0] <= page_count <= _PAGES[1]:
            raise UserErrorException(
                f"Expected page_count value is between {_PAGES[0]} and {_PAGES[1]}. "
                f"Provided: {page_count}"
            )
        if dataset_id:
            return []
        found = matching(workspace, name, tags, properties, run_id, model_framework)
        found.sort(key=lambda each: (each.created_at, each.version), reverse=True)
        if latest:
            newest: dict[str, Entity] = {}
            for each in found:
                newest.setdefault(each.name, each)
            found = [*newest.values()]
        return [Model._of(workspace, each) for each in found]

    @staticmethod
    @as_v1
    def get_model_path(
        model_name: str, version: int | None = None, _workspace: Workspace | None = None
    ) -> str:
        """Say where a model's file lies: in a service, beside the script; else downloaded."""
        from mlmagic.azureml.core.run import CONTEXT_VARIABLE, Run
        from mlmagic.scoring.models import ModelLoadError, get_model_path

        if version is not None and not isinstance(version, int):
            raise WebserviceException("version should be an int")
        if _workspace is None and CONTEXT_VARIABLE in os.environ:
            _workspace = Run.get_context().experiment.workspace
        if _workspace is not None and "AZUREML_MODEL_DIR" not in os.environ:
            found = Model(_workspace, model_name, version=version)
            target = Path("azureml-models", found.name, f"{found.version}")
            return found.download(str(target), exist_ok=True)
        try:
            return get_model_path(model_name, version)
        except ModelLoadError as error:
            raise ModelNotFoundException(f"{error}") from None

    @staticmethod
    @differs("An InferenceConfig is needed: no model is deployed without an entry script")
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
            inference_config._print()
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
            ) from None
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
        removed = [key for key in self.tags if tags and key not in tags]
        self._change(
            description=description or None,  # as in v1, nothing and an empty text change nothing
            add_tags=tags or None,
            remove_tags=removed,
            **sizes_of(resource_configuration),
        )

    @as_v1
    def update_tags_properties(
        self,
        add_tags: dict[str, str] | None = None,
        remove_tags: builtins.list[str] | str | None = None,
        add_properties: dict[str, str] | None = None,
    ) -> None:
        """Change tags and add properties."""
        if fixed := [key for key in add_properties or () if key in self.properties]:
            raise WebserviceException(
                "Error, properties are immutable, the following keys cannot be added/modified: "
                f"{','.join(fixed)}"
            )
        remove_tags = [remove_tags] if isinstance(remove_tags, str) else remove_tags
        for key, value in (add_tags or {}).items():
            if key in self.tags:
                print(f"Replacing tag {key} -> {self.tags[key]} with {key} -> {value}")
        for key in remove_tags or ():
            if key not in self.tags and key not in (add_tags or {}):
                print(f"Tag with key {key} not found.")
        self._change(
            add_tags=add_tags,
            remove_tags=[key for key in remove_tags or () if key in self.tags],
            add_properties=add_properties,
        )

    def add_tags(self, tags: dict[str, str]) -> None:
        """Set tags."""
        self.update_tags_properties(add_tags=tags)
        print("Model tag add operation complete.")

    def remove_tags(self, tags: builtins.list[str] | str) -> None:
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
            "datasets": [],
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
