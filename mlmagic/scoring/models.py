"""Models inside a service: where they lie, and how each is loaded.

Usable from an entry script alone: imports the standard library, and of the model's own library
what its file needs.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOT_NAME = "azureml-models"
_RECORDS = ".mlmagic"
# How the loss functions of CatBoost's rankers begin.
_RANKINGS = ("YetiRank", "PairLogit", "QuerySoftMax", "QueryRMSE", "LambdaMart", "StochasticRank")


class ModelLoadError(LookupError):
    """A model is not where the script expects it, or cannot be loaded."""


def load_model(name: str, version: int | None = None) -> Any:
    """Load a model of this service, as its framework's object.

    Args:
        name: The name it was registered under.
        version: Its version; None is the newest that the service has.

    Returns:
        What was registered: an estimator, a booster, a module; of several models a dictionary. A
        PyTorch module that was neither scripted nor exported comes back as its state dict, an
        ONNX model as an ``InferenceSession``.

    Raises:
        ModelLoadError: The service has no such model, or does not know how to load it.

    Example:
        >>> model = load_model("diabetes")  # doctest: +SKIP
    """
    root = _models_root()
    if root is None:
        raise ModelLoadError(
            f"The model '{name}' cannot be loaded here: AZUREML_MODEL_DIR is not set, so this is"
            " not a service. Call load_model in init() of an entry script; %%score_script tries it"
            " with the model in place."
        )
    record = _record(root, name, version)
    loader, file = record.get("loader"), record.get("file")
    folder = root / name / str(record["version"])
    if loader is None or file is None:
        raise ModelLoadError(
            f"The model '{name}:{record['version']}' has no known loader."
            f" Open its files yourself, below '{get_model_path(name, record['version'])}'."
        )
    if loader.partition("@")[0] not in _LOADERS and ":" not in loader:
        raise ModelLoadError(
            f"The model '{name}:{record['version']}' needs the loader '{loader}', which this"
            " version of mlmagic does not have. Deploy the service again with this version."
        )
    try:
        return _load(loader, folder / file, record.get("trusted_types", []))
    except ImportError as error:
        raise ModelLoadError(
            f"Loading the model '{name}:{record['version']}' needs a package that is missing from"
            f" the environment: {error}."
        ) from error


def get_model_path(name: str, version: int | None = None) -> str:
    """Say where a model lies, by the rules of Azure ML v1.

    Args:
        name: The name it was registered under, or that of a file or folder of the source
            directory.
        version: Its version; None is the newest.

    Returns:
        The file, or the folder of a model that is one.

    Raises:
        ModelLoadError: Nothing is there, or a version holds more than one file or folder.
    """
    if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
        raise TypeError(f"The version of a model is an int, not '{version!r}'.")
    root = _models_root() or Path(_ROOT_NAME)
    number = version if version is not None else max(_versions(root, name), default=None)
    if number is not None and (root / name / str(number)).is_dir():
        return str(_only_entry(root / name / str(number)))
    if version is None and Path(name).exists():
        return name
    raise ModelLoadError(
        f"The model '{name if version is None else f'{name}:{version}'}' was found neither in"
        f" '{root.absolute()}' nor in '{Path.cwd()}'. {_what_is_there(root)}"
    )


def _models_root() -> Path | None:
    """Return the folder that holds ``NAME/VERSION``, if this is a service.

    ``AZUREML_MODEL_DIR`` is that folder where there are several models, and the version's folder
    where there is one; a relative path starts at the app root.
    """
    value = os.environ.get("AZUREML_MODEL_DIR")
    if not value:
        return None
    folder = Path(os.environ.get("AML_APP_ROOT", ""), value)
    above = [folder, *folder.absolute().parents[:2]]
    for candidate in above:
        if (candidate / _RECORDS).is_dir() or candidate.name == _ROOT_NAME:
            return candidate
    return folder


def _record(root: Path, name: str, version: int | None) -> dict[str, Any]:
    records = root / _RECORDS / name
    known = sorted(int(path.stem) for path in records.glob("*.json") if path.stem.isdigit())
    number = version if version is not None else (known[-1] if known else None)
    if number not in known:
        wanted = name if version is None else f"{name}:{version}"
        raise ModelLoadError(f"This service has no model '{wanted}'. {_what_is_there(root)}")
    path = records / f"{number}.json"
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelLoadError(f"The record '{path}' cannot be read: {error}.") from error
    return {**record, "version": number}


def _versions(root: Path, name: str) -> list[int]:
    folder = root / name
    if not folder.is_dir():
        return []
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit() and path.is_dir()]


def _only_entry(folder: Path) -> Path:
    entries = sorted(folder.iterdir())
    if len(entries) == 1:
        return entries[0]
    there = ", ".join(f"'{entry.name}'" for entry in entries) or "nothing"
    raise ModelLoadError(
        f"The folder '{folder}' may contain only one file or folder; it has {there}."
    )


def _what_is_there(root: Path) -> str:
    found = sorted(
        f"'{folder.name}:{number}'"
        for folder in (root.iterdir() if root.is_dir() else ())
        if folder.is_dir() and not folder.name.startswith(".")
        for number in _versions(root, folder.name)
    )
    return f"There is {', '.join(found)}." if found else "There are no models."


def _load(loader: str, path: Path, trusted: list[str]) -> Any:
    """Load by a name that is known here, or by ``MODULE:FUNCTION`` of a framework's package.

    What follows ``@`` is the file of a folder that holds the model.
    """
    reader, _, inside = loader.partition("@")
    path = path / inside
    if reader in _LOADERS:
        return _LOADERS[reader](path, trusted)
    import importlib

    module, _, function = reader.partition(":")
    return getattr(importlib.import_module(module), function)(path)


def _load_skops(path: Path, trusted: list[str]) -> Any:
    from skops import io

    return io.load(path, trusted=trusted)


def _load_pickle(path: Path, _trusted: list[str]) -> Any:
    import pickle

    with path.open("rb") as stream:
        return pickle.load(stream)  # noqa: S301 - its opcodes were checked before it was placed


def _load_joblib(path: Path, _trusted: list[str]) -> Any:
    import joblib

    return joblib.load(path)


def _load_xgboost(path: Path, _trusted: list[str]) -> Any:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(path)
    return booster


def _load_xgboost_estimator(path: Path, trusted: list[str]) -> Any:
    """Load one of the wrappers for scikit-learn, by what it wrote into the booster's file."""
    import xgboost

    told = json.loads(_load_xgboost(path, trusted).attr("scikit_learn") or "{}")
    wrappers = {"classifier": xgboost.XGBClassifier, "ranker": xgboost.XGBRanker}
    model = wrappers.get(told.get("_estimator_type"), xgboost.XGBRegressor)()
    model.load_model(path)
    return model


def _load_lightgbm(path: Path, _trusted: list[str]) -> Any:
    import lightgbm

    return lightgbm.Booster(model_file=str(path))


def _load_torchscript(path: Path, _trusted: list[str]) -> Any:
    import torch

    return torch.jit.load(path, map_location="cpu")


def _load_torch_state(path: Path, _trusted: list[str]) -> Any:
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


def _load_keras(path: Path, _trusted: list[str]) -> Any:
    import keras

    return keras.models.load_model(path, safe_mode=True)


def _load_catboost(path: Path, _trusted: list[str]) -> Any:
    import catboost

    model = catboost.CatBoost().load_model(str(path))
    told = str(model.get_all_params().get("loss_function", ""))
    if told in ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll"):
        return catboost.CatBoostClassifier().load_model(str(path))
    if told.startswith(_RANKINGS):
        return catboost.CatBoostRanker().load_model(str(path))
    return catboost.CatBoostRegressor().load_model(str(path))


def _load_torch_export(path: Path, _trusted: list[str]) -> Any:
    import torch

    return torch.export.load(path)


def _load_spacy(path: Path, _trusted: list[str]) -> Any:
    import spacy

    return spacy.load(path)


def _load_transformers(path: Path, _trusted: list[str]) -> Any:
    import transformers

    quiet = {"local_files_only": True, "trust_remote_code": False}
    pipeline, config = path / "pipeline.json", path / "config.json"
    if pipeline.is_file():
        task = json.loads(pipeline.read_bytes())["task"]
        return transformers.pipeline(task, model=str(path), trust_remote_code=False)
    if not config.is_file():
        return transformers.AutoTokenizer.from_pretrained(path, **quiet)
    names = json.loads(config.read_bytes()).get("architectures") or ["AutoModel"]
    kind = getattr(transformers, names[0], transformers.AutoModel)
    if kind is not transformers.AutoModel:
        del quiet["trust_remote_code"]  # a class of the library has no code to fetch
    return kind.from_pretrained(path, use_safetensors=True, **quiet)


def _load_several(path: Path, trusted: list[str]) -> Any:
    parts = json.loads((path / "parts.json").read_bytes())
    return {
        name: _load(part["loader"], path / part["file"], trusted) for name, part in parts.items()
    }


def _load_onnx(path: Path, _trusted: list[str]) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


_LOADERS: dict[str, Callable[[Path, list[str]], Any]] = {
    "skops": _load_skops,
    "pickle": _load_pickle,
    "joblib": _load_joblib,
    "xgboost": _load_xgboost,
    "xgboost-estimator": _load_xgboost_estimator,
    "lightgbm": _load_lightgbm,
    "torchscript": _load_torchscript,
    "torch-state": _load_torch_state,
    "keras": _load_keras,
    "onnx": _load_onnx,
    "catboost": _load_catboost,
    "torch-export": _load_torch_export,
    "spacy": _load_spacy,
    "transformers": _load_transformers,
    "multi": _load_several,
}
