"""A few named requirement sets to start from."""

from __future__ import annotations

from mlmagic.entities import Environment

CURATED = {
    environment.name: environment
    for environment in (
        Environment(name="minimal", origin="a curated set"),
        Environment(
            name="scikit-learn",
            requirements=("joblib", "numpy", "pandas", "scikit-learn", "skops"),
            origin="a curated set",
        ),
        Environment(
            name="onnxruntime", requirements=("numpy", "onnxruntime"), origin="a curated set"
        ),
        Environment(
            name="pytorch-cpu",
            requirements=("numpy", "torch"),
            index_options=("--torch-backend cpu",),
            origin="a curated set",
        ),
    )
}
