"""Lets ``from azureml.core import …`` find the modules of this package."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib import metadata
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

_ROOT, _CONTRIB = "azureml", "azureml.contrib"
_SDK = "azureml-core"
# Modules of v1 whose names are in the module above them here.
_BELOW = {
    "azureml.core.compute": (
        "adla",
        "aks",
        "amlcompute",
        "batch",
        "compute",
        "computeinstance",
        "databricks",
        "datafactory",
        "dsvm",
        "hdinsight",
        "kubernetescompute",
        "kusto",
        "remote",
        "synapse",
    ),
    "azureml.core.image": ("container", "image"),
}
_IN_SERVICES = "Entry scripts find it inside a service, and where '%%score_script' tries them."
# Packages of v1 that are not here, and what is.
_ELSEWHERE = {
    "azureml.core.keyvault": "Give secrets to a service with 'mlmagic deploy --secret'.",
    "azureml.core.profile": "Measure the deployed service.",
    "azureml.core.linked_service": "Read the data with pandas or fsspec.",
    "azureml.core.private_endpoint": "Services listen on 127.0.0.1 unless told.",
    "azureml.core.databricks": "Entry scripts are Python: R and Spark are not run.",
    "azureml.core.script_run": "Run is what Experiment.submit returns.",
    "azureml.core.util": "Use the module logging.",
    "azureml.pipeline": "Run the steps as notebooks with 'mlmagic run', one after the other.",
    "azureml.data": "Read the data with pandas or fsspec.",
    "azureml.dataprep": "Read the data with pandas or fsspec.",
    "azureml.train": "Train in the notebook or the script, and register what comes out.",
    "azureml.automl": "Search with scikit-learn, FLAML or Optuna, and register the best.",
    "azureml.interpret": "Use the package 'shap' or 'interpret' itself.",
    "azureml.explain": "Use the package 'shap' or 'interpret' itself.",
    "azureml.opendatasets": "Use the data sets that scikit-learn fetches, or pandas.",
    "azureml.datadrift": "Compare the collected inputs with pandas or evidently.",
    "azureml.telemetry": "Nothing is sent anywhere: leave it out.",
    "azureml.tensorboard": "Start TensorBoard itself.",
    "azureml.accel": "There are no FPGAs here: deploy the model itself.",
    "azureml.mlflow": "Set the address of MLflow's own server: mlflow.set_tracking_uri.",
    "azureml.monitoring": _IN_SERVICES,
    "azureml.contrib.services": _IN_SERVICES,
    "azureml.contrib.explain": "Use the package 'shap' or 'interpret' itself.",
    "azureml.contrib.interpret": "Use the package 'shap' or 'interpret' itself.",
    "azureml.contrib.fairness": "Use the package 'fairlearn' itself.",
    "azureml.contrib.train": "Train in the notebook or the script, and register what comes out.",
    "azureml.contrib.automl": "Search with scikit-learn, FLAML or Optuna, and register the best.",
    "azureml.contrib.notebook": "Run notebooks one after the other: 'mlmagic run'.",
    "azureml.contrib.pipeline": "Run the steps as notebooks: 'mlmagic run'.",
}


class AzureMLFinder:
    """Finds ``azureml.X`` as ``mlmagic.azureml.X``; other packages of that name stay reachable."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module of v1; the arguments are those of the import system."""
        if name in (_ROOT, _CONTRIB):
            spec = ModuleSpec(name, None, origin="mlmagic.azureml", is_package=True)
            spec.submodule_search_locations = _portions(name)
            return spec
        if not name.startswith(f"{_ROOT}."):
            return None
        if is_here(name):
            return ModuleSpec(name, self, origin="mlmagic.azureml", is_package=True)  # type: ignore[arg-type]
        if (way := elsewhere(name)) and not _portions(name):
            raise ModuleNotFoundError(f"No module named '{name}' in mlmagic. {way}", name=name)
        return None

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Put our module in the place of the one asked for: its classes exist once."""
        sys.modules[module.__name__] = importlib.import_module(ours(module.__name__))


def ours(name: str) -> str:
    """Return the name of our module for one of v1, such as ``azureml.core.compute.aks``."""
    above, _, last = name.rpartition(".")
    return f"mlmagic.{above if last in _BELOW.get(above, ()) else name}"


def is_here(name: str) -> bool:
    """Whether a module of v1, such as ``azureml.core.model``, is one of ours."""
    try:
        return importlib.util.find_spec(ours(name)) is not None
    except ModuleNotFoundError:
        return False


def elsewhere(name: str) -> str | None:
    """Return what to use instead of a module of v1 that is not here, if that is known."""
    for root, way in _ELSEWHERE.items():
        if name == root or name.startswith(f"{root}."):
            return way
    return None


def _portions(name: str) -> list[str]:
    """Where parts of v1 are installed that are not ours, such as ``azureml.monitoring``."""
    parts = name.split(".")
    return [str(path) for entry in sys.path if (path := Path(entry, *parts)).is_dir()]


def provide() -> None:
    """Let unchanged code of Azure ML v1 import from here.

    Raises:
        ConfigurationError: The cloud's own SDK is installed.
    """
    try:
        version = metadata.version(_SDK)
    except metadata.PackageNotFoundError:
        pass
    else:
        raise ConfigurationError(
            f"'{_SDK}' {version} is installed here, so 'from azureml.core import …' means the "
            "cloud's SDK.",
            hint=f"Uninstall it ('pip uninstall {_SDK}'), or import from 'mlmagic.azureml.core'.",
        )
    if not any(isinstance(finder, AzureMLFinder) for finder in sys.meta_path):
        # Before the others, which would load our files a second time below the other name.
        sys.meta_path.insert(0, AzureMLFinder())
        sys.modules.pop(_ROOT, None)


def withdraw() -> None:
    """Take the finder away again; what was imported stays imported."""
    sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, AzureMLFinder)]
