"""Estimators and boosters as files without code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmagic.registry.frameworks.framework import Saved

if TYPE_CHECKING:
    from pathlib import Path


def save_with_skops(model: Any, folder: Path) -> Saved:
    """Write what scikit-learn's conventions hold, in skops' canonical form."""
    from skops import io as skops_io

    from mlmagic.registry.archives import canonical

    data, modules = canonical(skops_io.dumps(model))
    (folder / "model.skops").write_bytes(data)
    roots = frozenset(module.partition(".")[0] for module in modules)
    return Saved(name="model.skops", loader="skops", modules=roots)


def save_xgboost(model: Any, folder: Path) -> Saved:
    """Write a booster in XGBoost's own form."""
    if type(model).__name__ != "Booster":
        # The wrappers for scikit-learn carry classes and parameters that the native form lacks.
        return save_with_skops(model, folder)
    (folder / "model.ubj").write_bytes(bytes(model.save_raw(raw_format="ubj")))
    return Saved(name="model.ubj", loader="xgboost")


def save_lightgbm(model: Any, folder: Path) -> Saved:
    """Write a booster in LightGBM's own form."""
    if type(model).__name__ != "Booster":
        return save_with_skops(model, folder)
    (folder / "model.txt").write_text(model.model_to_string(), encoding="utf-8")
    return Saved(name="model.txt", loader="lightgbm")


def save_catboost(model: Any, folder: Path) -> Saved:
    """Write a model in CatBoost's own form, from which its loader tells the class."""
    model.save_model(str(folder / "model.cbm"), format="cbm")
    return Saved(name="model.cbm", loader="catboost")


def sklearn_to_onnx(model: Any, sample: Any) -> bytes:
    """Convert by skl2onnx, with the types of the sample."""
    from skl2onnx import to_onnx

    return bytes(to_onnx(model, sample[:1]).SerializeToString(deterministic=True))


def catboost_to_onnx(model: Any, _sample: Any) -> bytes:
    """Convert by CatBoost itself."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        model.save_model(str(path), format="onnx")
        return path.read_bytes()
