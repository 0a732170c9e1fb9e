"""Finds v1's modules where nothing else does.

Scripts written for v1 import a handful of names from large packages. The finder stands
last on ``sys.meta_path``: the real packages always win, and a name that they do not have
(``azureml.contrib.services`` beside an installed azureml-core) is still provided.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

_HERE = "mlmagic.scoring.standins."
_RAW_REQUEST = {"AMLRequest": "request", "rawhttp": "request"}
_RAW_RESPONSE = {"AMLResponse": "response"}
_MODULES: dict[str, dict[str, str]] = {
    "azureml": {},
    "azureml.core": {"Model": "model"},
    "azureml.core.model": {"Model": "model"},
    "azureml.contrib": {},
    "azureml.contrib.services": {},
    "azureml.contrib.services.aml_request": _RAW_REQUEST,
    "azureml.contrib.services.aml_response": _RAW_RESPONSE,
    "azureml.monitoring": {"ModelDataCollector": "collector"},
    "azureml.monitoring.modeldatacollector": {"ModelDataCollector": "collector"},
    "azureml_inference_server_http": {},
    "azureml_inference_server_http.log_config": {
        "AMLLogFormatter": "logging_classes",
        "RootAccessFilter": "logging_classes",
    },
    "azureml_inference_server_http.api": {},
    "azureml_inference_server_http.api.aml_request": _RAW_REQUEST,
    "azureml_inference_server_http.api.aml_response": _RAW_RESPONSE,
}


def is_provided(module: str, name: str = "") -> bool:
    """Whether services have a module of v1, and a name in it."""
    return module in _MODULES and (not name or name in _MODULES[module])


class StandInFinder:
    """Provides the names of ``_MODULES`` from our own modules."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module of v1; the arguments are those of the import system."""
        del path, target
        if name not in _MODULES:
            return None
        is_package = any(other.startswith(f"{name}.") for other in _MODULES)
        return ModuleSpec(name, self, is_package=is_package, origin="mlmagic.scoring")  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill in the names."""
        for name, home in _MODULES[module.__name__].items():
            setattr(module, name, getattr(importlib.import_module(_HERE + home), name))


def provide() -> None:
    """Provide v1's modules to this process."""
    if not any(isinstance(finder, StandInFinder) for finder in sys.meta_path):
        sys.meta_path.append(StandInFinder())
