"""The table of frameworks."""

from __future__ import annotations

import importlib.metadata
from functools import cache
from typing import TYPE_CHECKING, Any

from mlmagic.errors import ConfigurationError, RegistryError, UsageError, did_you_mean
from mlmagic.registry.frameworks import estimators, networks
from mlmagic.registry.frameworks.framework import Framework, Saved

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ENTRY_POINTS = "mlmagic.frameworks"

_BUILT_IN = (
    Framework(
        name="scikit-learn",
        module="sklearn",
        distribution="scikit-learn",
        v1="ScikitLearn",
        save=estimators.save_with_skops,
        to_onnx=estimators.sklearn_to_onnx,
        needs=("numpy", "scipy"),
    ),
    Framework(
        name="xgboost",
        module="xgboost",
        distribution="xgboost",
        save=estimators.save_xgboost,
        suffixes={".ubj": "xgboost"},
        needs=("numpy", "scipy"),
    ),
    Framework(
        name="lightgbm",
        module="lightgbm",
        distribution="lightgbm",
        save=estimators.save_lightgbm,
        needs=("numpy", "scipy"),
    ),
    Framework(
        name="catboost",
        module="catboost",
        distribution="catboost",
        save=estimators.save_catboost,
        to_onnx=estimators.catboost_to_onnx,
        suffixes={".cbm": "catboost"},
        needs=("numpy", "pandas"),
    ),
    # Its results are pickles that evaluate the text of their formula when they are loaded, so
    # they need the user's trust; it has no other format.
    Framework(
        name="statsmodels",
        module="statsmodels",
        distribution="statsmodels",
        needs=("numpy", "pandas", "scipy"),
    ),
    Framework(
        name="pytorch",
        module="torch",
        distribution="torch",
        v1="PyTorch",
        save=networks.save_pytorch,
        to_onnx=networks.pytorch_to_onnx,
        needs=("numpy",),
    ),
    Framework(
        name="keras",
        module="keras",
        distribution="keras",
        v1="TfKeras",
        save=networks.save_keras,
        suffixes={".keras": "keras", ".h5": "keras"},
    ),
    Framework(name="tensorflow", module="tensorflow", distribution="tensorflow", v1="TensorFlow"),
    Framework(
        name="onnx",
        module="onnx",
        distribution="onnxruntime",
        v1="Onnx",
        save=networks.save_onnx,
        suffixes={".onnx": "onnx"},
        needs=("numpy",),
    ),
    Framework(name="gguf", module="llama_cpp", distribution="llama-cpp-python"),
    Framework(name="spacy", module="spacy", distribution="spacy", save=networks.save_spacy),
    Framework(
        name="transformers",
        module="transformers",
        distribution="transformers",
        save=networks.save_transformers,
        needs=("torch", "safetensors"),
    ),
    Framework(name="custom", module="", distribution="", v1="Custom"),
    Framework(name="multi", module="", distribution="", v1="Multi"),
)


@cache
def known() -> Mapping[str, Framework]:
    """Return every framework by its name: ours, and those of installed packages.

    Raises:
        ConfigurationError: A package offers something else than a new framework.
    """
    rows = {row.name: row for row in _BUILT_IN}
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        try:
            row = point.load()
        except Exception as error:
            raise ConfigurationError(
                f"The framework '{point.name}' of the entry point '{point.value}' cannot be"
                f" imported: {error}.",
                hint="Repair or uninstall the package that offers it.",
            ) from error
        if not isinstance(row, Framework) or row.name in rows:
            raise ConfigurationError(
                f"The entry point '{point.value}' offers no new framework, but '{row!r}'.",
                hint="Uninstall the package that offers it, or ask its authors.",
            )
        rows[row.name] = row
    return rows


def framework_of(value: Any) -> str:
    """Name the framework of a live object, without importing any.

    Example:
        >>> framework_of({"weights": [1.0]})
        'custom'
    """
    modules = {row.module: row.name for row in known().values() if row.module}
    for cls in type(value).__mro__:
        name = modules.get(cls.__module__.partition(".")[0])
        if name is not None:
            return name
    return "custom"


def framework_named(name: str) -> str:
    """Accept our name of a framework, or that of Azure ML v1.

    Raises:
        UsageError: No framework is called so.
    """
    found = our_name(name)
    if found not in known():
        raise UsageError(
            f"The framework '{name}' is not known.", hint=did_you_mean(name, list(known()))
        )
    return found


def our_name(name: str) -> str:
    """Translate Azure ML v1's name of a framework; another is left as it is.

    Example:
        >>> our_name("ScikitLearn")
        'scikit-learn'
    """
    for row in known().values():
        if name.lower() in (row.name, row.v1.lower()):
            return row.name
    return name


def save_object(value: Any, folder: Path) -> tuple[str, Saved | None]:
    """Write a live object in the safe format of its framework.

    Returns:
        The framework, and what was written; None where only a pickle can hold it.
    """
    framework = framework_of(value)
    row = known()[framework]
    if row.save is None:
        return framework, None
    try:
        return framework, row.save(value, folder)
    except ImportError as error:
        raise RegistryError(
            f"An object of {framework} cannot be saved: {error}.",
            hint=f"Install '{row.distribution}'.",
        ) from error


def convert_object(value: Any, sample: Any, folder: Path) -> Saved:
    """Write a live object as an ONNX model.

    Args:
        value: The model.
        sample: A sample input, which tells the types.
        folder: Where to write.

    Raises:
        UsageError: There is no sample, or no converter for this framework.
        RegistryError: The converter refuses, or is not installed.
    """
    framework = framework_of(value)
    row = known()[framework]
    if row.to_onnx is None:
        able = ", ".join(f"'{each.name}'" for each in known().values() if each.to_onnx)
        raise UsageError(
            f"An object of {framework} cannot be converted to ONNX.",
            hint=f"There are converters for {able}; export it yourself and register the file.",
        )
    if sample is None:
        raise UsageError(
            "A conversion to ONNX needs a sample input, which tells the types.",
            hint="Give some rows with --sample.",
        )
    try:
        data = row.to_onnx(value, sample)
    except ImportError as error:
        raise RegistryError(
            f"The model cannot be converted to ONNX: {error}.",
            hint=f"Install '{error.name}'.",
        ) from error
    except Exception as error:
        raise RegistryError(
            f"The model cannot be converted to ONNX: {error}.",
            hint="Register it without the conversion.",
        ) from error
    (folder / "model.onnx").write_bytes(data)
    return Saved(name="model.onnx", loader="onnx")
