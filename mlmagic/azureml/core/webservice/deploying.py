"""``Model.deploy``: from v1's objects to one call of the workspace."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.azureml.core.model import InferenceConfig, Model
from mlmagic.azureml.core.model_registering import register
from mlmagic.azureml.exceptions import WebserviceException
from mlmagic.azureml.translating import as_v1
from mlmagic.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.azureml.core.webservice.configuration import WebserviceDeploymentConfiguration
    from mlmagic.azureml.core.webservice.webservice import Webservice
    from mlmagic.azureml.core.workspace import Workspace

_log = logging.getLogger("mlmagic.azureml")
_NAME = re.compile(r"[a-z]([-a-z0-9]{1,30}[a-z0-9])")
_NAME_RULE = (
    "Error, provided service name is invalid. It must only consist of lowercase letters, numbers, "
    "or dashes, start with a letter, end with a letter or number, and be between 3 and 32 "
    "characters long."
)
_ON_THE_FLY = 30  # characters of a file's name that become the model's


@as_v1
def deploy(
    workspace: Workspace,
    name: str,
    models: list[Any] | None,
    inference_config: InferenceConfig | None,
    config: WebserviceDeploymentConfiguration | None,
    target: Any,
    *,
    overwrite: bool,
    show_output: bool,
) -> Webservice:
    """Deploy; see `Model.deploy`."""
    from mlmagic.azureml.core.webservice import LocalWebservice

    if not _NAME.fullmatch(name):
        raise WebserviceException(_NAME_RULE)
    config = config or _default_config(target)
    if inference_config is None:
        raise WebserviceException(
            "Error, an InferenceConfig is needed: a model without an entry script cannot be "
            "deployed here yet. Give InferenceConfig(entry_script='score.py')."
        )
    if not isinstance(inference_config, InferenceConfig):
        raise WebserviceException(
            "Error, provided inference configuration must be of type InferenceConfig "
            "in order to deploy a service."
        )
    service_class = config._webservice_type
    local = service_class is LocalWebservice
    if not overwrite and _is_taken(workspace, name, local=local):
        raise WebserviceException(
            f"Error, there is already a service with name {name} found in workspace "
            f"{workspace.name}. Give overwrite=True, or use update()."
        )
    if show_output:
        Model.print_configuration(models or [], inference_config, config, target)
    workspace.local.deploy(
        name,
        models=model_references(workspace, models or [], register_paths=not local),
        inference_config=inference_config.build_create_payload(workspace, name, []),
        deployment_config=config._to_keys(),
        target=getattr(target, "name", target),
        tags=config.tags or {},
        properties=config.properties or {},
        v1_compute_type=service_class.compute_type,
        primary_key=config.primary_key,
        secondary_key=config.secondary_key,
        description=config.description,
        overwrite=True,
        wait=False,
        on_event=teller(show_output=show_output),
    )
    service = service_class(workspace, name)
    if show_output and not local:
        print(
            "Request submitted, please run wait_for_deployment(show_output=True) to get deployment "
            "status."
        )
    return service


def teller(*, show_output: bool) -> Callable[[str], None]:
    """Return what receives progress: it is printed where it is asked for, and logged else."""
    return print if show_output else _log.info


def model_references(
    workspace: Workspace, models: list[Any], *, register_paths: bool
) -> list[str | Path]:
    """Take models as v1 did: objects, ids, or paths, which a cloud's service registered first."""
    references: list[str | Path] = []
    for model in models:
        if isinstance(model, Model):
            references.append(model.id)
        elif not isinstance(model, str):
            raise WebserviceException(
                "Models must either be of type azureml.core.Model or a str path to a file or "
                "folder."
            )
        elif _is_registered(workspace, model) or not register_paths:
            references.append(model)
        else:
            references.append(_register(workspace, model))
    return references


def _is_taken(workspace: Workspace, name: str, *, local: bool) -> bool:
    """Whether a service has the name that only ``overwrite`` may replace.

    Local ones replace one another, as in v1, which kept them apart from the others.
    """
    services = workspace.local.services
    if name not in services.names():
        return False
    return not local or services.record(name).spec.compute_type.lower() != "local"


def _register(workspace: Workspace, path: str) -> str:
    file = Path(path)
    if not file.exists():
        raise WebserviceException(f'Error, provided model path "{path}" cannot be found')
    name = file.resolve().name[:_ON_THE_FLY]
    print(f"Registering model {name}")
    return register(workspace, file, name).id


def _is_registered(workspace: Workspace, reference: str) -> bool:
    try:
        workspace.local.show_model(reference)
    except RegistryError:
        return False
    return True


def _default_config(target: Any) -> WebserviceDeploymentConfiguration:
    from mlmagic.azureml.core.compute import AksCompute
    from mlmagic.azureml.core.webservice import AciWebservice, AksWebservice

    if target is None:
        return AciWebservice.deploy_configuration()
    if isinstance(target, AksCompute):
        return AksWebservice.deploy_configuration()
    raise WebserviceException(
        "Must provide deployment configuration when not deploying to AKS or ACI."
    )
