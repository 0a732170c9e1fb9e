"""The libraries whose objects can be registered, and how each is saved.

Formats that hold data only come first: skops for scikit-learn, the libraries' own for the others.
What no row knows is pickled, and the pickle has to pass the same check as a foreign one.
"""

from __future__ import annotations

import importlib.metadata
import io
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmagic.errors import RegistryError, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True, kw_only=True)
class Saved:
    """An object as a file.

    Attributes:
        file_name: Such as ``model.skops``.
        loader: How ``mlmagic.scoring.load_model`` reads it.
        modules: Top-level modules that loading needs, besides the framework's.
    """

    file_name: str
    data: bytes
    loader: str
    modules: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Framework:
    """One library.

    Attributes:
        name: Ours; ``v1`` is what Azure ML v1 calls it.
        module: The top-level module of its classes.
        distribution: The package that brings it.
        save: Writes a live object; None where a pickle is all there is.
        needs: Distributions that loading needs besides.
    """

    name: str
    module: str
    distribution: str
    v1: str = ""
    save: Callable[[Any], Saved] | None = None
    needs: tuple[str, ...] = ()


def _save_with_skops(model: Any) -> Saved:
    from skops import io as skops_io

    from mlmagic.registry.archives import canonical

    data, modules = canonical(skops_io.dumps(model))
    roots = frozenset(module.partition(".")[0] for module in modules)
    return Saved(file_name="model.skops", data=data, loader="skops", modules=roots)


def _save_xgboost(model: Any) -> Saved:
    if type(model).__name__ != "Booster":
        # The wrappers for scikit-learn carry classes and parameters that the native form lacks.
        return _save_with_skops(model)
    data = bytes(model.save_raw(raw_format="ubj"))
    return Saved(file_name="model.ubj", data=data, loader="xgboost")


def _save_lightgbm(model: Any) -> Saved:
    if type(model).__name__ != "Booster":
        return _save_with_skops(model)
    data = model.model_to_string().encode()
    return Saved(file_name="model.txt", data=data, loader="lightgbm")


def _save_pytorch(model: Any) -> Saved:
    import torch

    buffer = io.BytesIO()
    if isinstance(model, torch.jit.ScriptModule):
        torch.jit.save(model, buffer)
        return Saved(file_name="model.pt", data=buffer.getvalue(), loader="torchscript")
    state = model.state_dict() if isinstance(model, torch.nn.Module) else model
    torch.save(state, buffer)
    return Saved(file_name="model.pt", data=buffer.getvalue(), loader="torch-state")


def _save_keras(model: Any) -> Saved:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        data = _without_times(path.read_bytes())
    return Saved(file_name="model.keras", data=data, loader="keras")


def _save_onnx(model: Any) -> Saved:
    data = model.SerializeToString(deterministic=True)
    return Saved(file_name="model.onnx", data=data, loader="onnx")


def _without_times(data: bytes) -> bytes:
    """Fix the times of a Keras archive, so that equal models have equal bytes."""
    import json

    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            if name == "metadata.json":
                facts = {**json.loads(content), "date_saved": ""}
                content = json.dumps(facts, sort_keys=True).encode()
            target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


_SKOPS_NEEDS = ("scikit-learn", "numpy", "scipy", "skops")

FRAMEWORKS = {
    framework.name: framework
    for framework in (
        Framework(
            name="scikit-learn",
            module="sklearn",
            distribution="scikit-learn",
            v1="ScikitLearn",
            save=_save_with_skops,
            needs=("numpy", "scipy"),
        ),
        Framework(
            name="xgboost",
            module="xgboost",
            distribution="xgboost",
            save=_save_xgboost,
            needs=("numpy", "scipy"),
        ),
        Framework(
            name="lightgbm",
            module="lightgbm",
            distribution="lightgbm",
            save=_save_lightgbm,
            needs=("numpy", "scipy"),
        ),
        Framework(
            name="pytorch",
            module="torch",
            distribution="torch",
            v1="PyTorch",
            save=_save_pytorch,
            needs=("numpy",),
        ),
        Framework(
            name="keras", module="keras", distribution="keras", v1="TfKeras", save=_save_keras
        ),
        Framework(
            name="tensorflow", module="tensorflow", distribution="tensorflow", v1="TensorFlow"
        ),
        Framework(
            name="onnx",
            module="onnx",
            distribution="onnxruntime",
            v1="Onnx",
            save=_save_onnx,
            needs=("numpy",),
        ),
        Framework(name="custom", module="", distribution="", v1="Custom"),
        Framework(name="multi", module="", distribution="", v1="Multi"),
    )
}


def framework_of(value: Any) -> str:
    """Name the framework of a live object, without importing any.

    Example:
        >>> framework_of({"weights": [1.0]})
        'custom'
    """
    known = {row.module: row.name for row in FRAMEWORKS.values() if row.module}
    for cls in type(value).__mro__:
        name = known.get(cls.__module__.partition(".")[0])
        if name is not None:
            return name
    return "custom"


def framework_named(name: str) -> str:
    """Accept our name of a framework, or that of Azure ML v1.

    Raises:
        UsageError: No framework is called so.
    """
    for row in FRAMEWORKS.values():
        if name.lower() in (row.name, row.v1.lower()):
            return row.name
    raise UsageError(
        f"The framework '{name}' is not known.", hint=did_you_mean(name, list(FRAMEWORKS))
    )


def installed_version(framework: str) -> str | None:
    """Return the version of a framework that is installed here."""
    return _version(FRAMEWORKS[framework].distribution)


def requirements(framework: str, loader: str | None, modules: Iterable[str] = ()) -> list[str]:
    """Pin what loading and predicting need to the versions installed here.

    Args:
        framework: Name in the table.
        loader: How the file is read.
        modules: Top-level modules that the file names.
    """
    row = FRAMEWORKS[framework]
    wanted = [row.distribution, *row.needs]
    if loader == "skops":
        wanted += _SKOPS_NEEDS
    if loader == "joblib":
        wanted.append("joblib")
    wanted += _distributions(modules)
    pins = [(name, _version(name)) for name in dict.fromkeys(wanted) if name]
    if loader == "onnx" and pins[0][1] is None:
        return ["onnxruntime", *(f"{name}=={version}" for name, version in pins if version)]
    return [f"{name}=={version}" for name, version in pins if version]


def save_object(value: Any) -> tuple[str, Saved | None]:
    """Write a live object in the safe format of its framework.

    Returns:
        The framework, and the file; None where only a pickle can hold it.
    """
    framework = framework_of(value)
    save = FRAMEWORKS[framework].save
    if save is None:
        return framework, None
    try:
        return framework, save(value)
    except ImportError as error:
        raise RegistryError(
            f"An object of {framework} cannot be saved: {error}.",
            hint=f"Install '{FRAMEWORKS[framework].distribution}'.",
        ) from error


def _distributions(modules: Iterable[str]) -> list[str]:
    known = {row.module: row.distribution for row in FRAMEWORKS.values() if row.module}
    found = importlib.metadata.packages_distributions()
    names = (known.get(module) or next(iter(found.get(module, ())), "") for module in modules)
    return sorted(name for name in names if name)


def _version(distribution: str) -> str | None:
    if not distribution:
        return None
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


@dataclass(frozen=True, kw_only=True)
class Described:
    """What is known of a model's files before they are registered.

    Attributes:
        modules: Top-level modules that loading imports.
        trusted_types: Types approved for a skops archive.
    """

    framework: str = "custom"
    loader: str | None = None
    modules: frozenset[str] = field(default=frozenset())
    trusted_types: tuple[str, ...] = ()
