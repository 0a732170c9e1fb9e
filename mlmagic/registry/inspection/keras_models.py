"""Configurations of Keras models: which classes and functions they name."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from mlmagic.registry.inspection.findings import Finding

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator

CONFIGURATION = "config.json"
_LARGEST = 64 << 20  # bytes of a configuration
# Where models, layers and what they are made of come from: nothing that loads, fetches or saves.
_MODULES = re.compile(
    r"keras|keras(\.src)?\.(activations|constraints|dtype_policies|initializers|layers|losses"
    r"|metrics|models|ops|optimizers|quantizers|random|regularizers)(\.\w+)*"
    r"|keras\.src\.backend\.\w+\.(optimizers|random)(\.\w+)*|keras\.src\.engine(\.\w+)*"
)
_FUNCTIONS = re.compile(
    r"keras(\.src)?\.(activations|initializers|losses|metrics|ops|regularizers)(\.\w+)*"
)
# Keras writes its own functions as of ``builtins``, and reads them by these names.
_BUILTINS = re.compile(
    r"celu|elu|exponential|gelu|glu|hard_shrink|hard_sigmoid|hard_silu|hard_swish|hard_tanh"
    r"|leaky_relu|linear|log_sigmoid|log_softmax|mish|relu|relu6|selu|sigmoid|silu|softmax"
    r"|softplus|softsign|soft_shrink|sparse_plus|sparse_sigmoid|sparsemax|squareplus|swish|tanh"
    r"|tanh_shrink|threshold|binary_crossentropy|binary_focal_crossentropy"
    r"|categorical_crossentropy|categorical_focal_crossentropy"
    r"|categorical_generalized_cross_entropy|categorical_hinge|circle|cosine_similarity|ctc|dice"
    r"|hinge|huber|kl_divergence|kld|log_cosh|logcosh|mae|mape|mean_absolute_error"
    r"|mean_absolute_percentage_error|mean_squared_error|mean_squared_logarithmic_error|mse|msle"
    r"|poisson|sparse_categorical_crossentropy|squared_hinge|tversky|accuracy|binary_accuracy"
    r"|categorical_accuracy|sparse_categorical_accuracy|top_k_categorical_accuracy"
    r"|sparse_top_k_categorical_accuracy|constant|glorot_normal|glorot_uniform|he_normal"
    r"|he_uniform|identity|lecun_normal|lecun_uniform|ones|orthogonal|random_normal"
    r"|random_uniform|truncated_normal|variance_scaling|zeros|l1|l1_l2|l2|orthogonal_regularizer"
    r"|max_norm|min_max_norm|non_neg|unit_norm"
)
_CLASS = re.compile(r"[A-Z]\w*")
_VALUES = {
    "__keras_tensor__",
    "__tensor__",
    "__numpy__",
    "__bytes__",
    "__ellipsis__",
    "__slice__",
} | {"__tuple__"}
# Layers that hold code, or load a model of another library.
_CODE = {"Lambda", "__lambda__", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer"}
_LOOKUPS = {"StringLookup", "IntegerLookup", "IndexLookup", "TextVectorization"}


def scan_archive(archive: zipfile.ZipFile, name: str) -> list[Finding]:
    """Check the configuration of a ``.keras`` archive."""
    info = archive.getinfo(CONFIGURATION)
    if info.file_size > _LARGEST:
        why = f"a configuration of {info.file_size} bytes is not read"
        return [Finding(name=CONFIGURATION, file=name, why=why)]
    return scan_configuration(archive.read(info), f"{name}/{CONFIGURATION}")


def scan_configuration(told: bytes | str, file: str) -> list[Finding]:
    """Check what a configuration names."""
    try:
        found = dict.fromkeys(_named(json.loads(told)))
    except (ValueError, TypeError, RecursionError) as error:
        return [Finding(name="configuration", file=file, why=f"it cannot be read ({error})")]
    return [Finding(name=name, file=file, why=why) for name, why in found]


def _named(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, list):
        for each in node:
            yield from _named(each)
    elif isinstance(node, dict):
        if "class_name" in node:
            yield from _object(node)
        for each in node.values():
            yield from _named(each)


def _object(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Check one object: ``class_name`` of ``module``, or a function's name."""
    kind, module, inner = node["class_name"], node.get("module"), node.get("config")
    registered = node.get("registered_name")
    names = {str(kind), str(registered).rpartition(">")[2]}
    shown = f"{module}.{kind}" if module else str(kind)
    if names & _CODE:
        yield shown, "it holds code, or loads a model of another library"
    elif kind == "function":
        of_keras = _FUNCTIONS.fullmatch(str(module)) and str(inner).isidentifier()
        if not of_keras and not (module == "builtins" and _BUILTINS.fullmatch(str(inner))):
            yield f"{module}.{inner}", "it is no function of Keras' models"
    elif kind in _VALUES:
        pass
    elif not _is_of_keras(kind, module) or ">" in str(registered):
        yield shown, "it is no class of Keras' models"
    elif names & _LOOKUPS and isinstance(inner, dict) and isinstance(inner.get("vocabulary"), str):
        yield shown, f"it reads its vocabulary from the file '{inner['vocabulary']}'"


def _is_of_keras(kind: Any, module: Any) -> bool:
    if not isinstance(kind, str) or not _CLASS.fullmatch(kind):
        return False
    return module is None or _MODULES.fullmatch(str(module)) is not None
