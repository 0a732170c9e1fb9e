"""Estimators that call or open, when they predict, what one of their attributes names.

Their classes may be loaded, and so may what the attributes of a crafted file hold: an array, and
the name ``tofile``; or that a vectorizer of texts takes those of requests for names of files. Of
these attributes only what scikit-learn itself writes passes.

Functions that others keep (``kernel``, ``metric``, ``weights``, ``importance_getter``,
``pooling_func``) are not looked at: what the allow-list lets a file name there computes, or makes a
plain value, and is given arrays of numbers or an estimator, not what a request holds.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from mlmagic.registry.allowlist import FUNCTIONS, Global, is_numeric_function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_METHODS = {None, "predict", "predict_proba", "predict_log_proba", "decision_function"}
_NUMPY_TEXT = Global("numpy", "str_")


def _is_function(value: Any) -> bool:
    if isinstance(value, Global) and (value.module, value.name) not in FUNCTIONS:
        return is_numeric_function(value.module, value.name)
    return value is None or value == "one-to-one"


def _are_methods(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_method, value))


def _is_method(value: Any) -> bool:
    return (value is None or isinstance(value, str)) and value in {*_METHODS, "auto"}


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


_STACKING = {"stack_method_": _are_methods}
_THRESHOLD = {"response_method": _is_method}
_SCORER = {"_response_method": lambda value: _is_method(value) or _are_methods(value)}
_VECTORIZER = {
    "input": lambda value: value == "content",
    **dict.fromkeys(("analyzer", "preprocessor", "tokenizer", "strip_accents"), _is_text),
}
_CALLERS: dict[Global, Mapping[str, Callable[[Any], bool]]] = {
    Global("sklearn.preprocessing._function_transformer", "FunctionTransformer"): {
        "func": _is_function,
        "inverse_func": _is_function,
        "feature_names_out": _is_function,
    },
    Global("sklearn.ensemble._stacking", "StackingClassifier"): _STACKING,
    Global("sklearn.ensemble._stacking", "StackingRegressor"): _STACKING,
    Global("sklearn.model_selection._classification_threshold", "FixedThresholdClassifier"): (
        _THRESHOLD
    ),
    Global("sklearn.model_selection._classification_threshold", "TunedThresholdClassifierCV"): (
        _THRESHOLD
    ),
    Global("sklearn.multioutput", "ClassifierChain"): {"chain_method_": _is_method},
    Global("sklearn.multioutput", "RegressorChain"): {"chain_method_": _is_method},
    Global("sklearn.metrics._scorer", "_Scorer"): _SCORER,
    Global("sklearn.metrics._scorer", "_PredictScorer"): _SCORER,
    Global("sklearn.feature_extraction.text", "CountVectorizer"): _VECTORIZER,
    Global("sklearn.feature_extraction.text", "HashingVectorizer"): _VECTORIZER,
    Global("sklearn.feature_extraction.text", "TfidfVectorizer"): _VECTORIZER,
}


def is_caller(found: Global) -> bool:
    """Say whether objects of a class call what an attribute names."""
    return found in _CALLERS


def strange_attribute(found: Global, attributes: Any) -> str | None:
    """Say what keeps an object from being loaded.

    Args:
        found: The class.
        attributes: Those of the object: texts, None, lists of them and globals as they are.

    Returns:
        None where it is harmless.
    """
    if not isinstance(attributes, dict) or not all(isinstance(key, str) for key in attributes):
        return "its attributes are computed, and it calls what they name when it predicts"
    for key, is_usual in _CALLERS[found].items():
        if key in attributes and not is_usual(attributes[key]):
            if key == "input":
                return "it opens the files that requests name"
            return f"it calls what its '{key}' names when it predicts, which is none of the usual"
    return None


def strange_in_skops(schema: Any) -> Iterator[tuple[Global, str]]:
    """Look for such objects in the schema of a skops archive."""
    callers = [node for node in _nodes(schema) if is_caller(_named(node))]
    if not callers:
        return
    values = _Values(schema)
    for node in callers:
        if node.get("__loader__") == "TypeNode":
            continue
        if why := strange_attribute(_named(node), values.of(node.get("content"))):
            yield _named(node), why


def _named(node: Mapping[str, Any]) -> Global:
    return Global(str(node.get("__module__")), str(node.get("__class__")))


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    waiting = [schema]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            yield here
            waiting += here.values()
        elif isinstance(here, list):
            waiting += here


class _Values:
    """What nodes stand for, as ``strange_attribute`` wants it; else Ellipsis.

    An object that is kept in two places has two nodes with one id, and the loader takes the first
    for both: they have to stand for the same.
    """

    def __init__(self, schema: Any) -> None:
        self._alike: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
        for node in _nodes(schema):
            self._alike[node.get("__id__")].append(node)
        self._known: dict[Any, Any] = {}

    def of(self, node: Any) -> Any:
        if not isinstance(node, dict):
            return ...
        name = node.get("__id__")
        if name not in self._known:
            self._known[name] = ...  # to itself, where it is a part of itself
            first, *others = map(self._read, self._alike[name])
            if all(each == first for each in others):
                self._known[name] = first
        return self._known[name]

    def _read(self, node: dict[str, Any]) -> Any:
        content, loader = node.get("content"), node.get("__loader__")
        if loader == "FunctionNode":
            return _named(node)
        if loader == "DictNode" and isinstance(content, dict):
            return {key: self.of(each) for key, each in content.items()}
        if loader == "JsonNode" and isinstance(content, str):
            return json.loads(content)
        if loader in ("ListNode", "TupleNode") and isinstance(content, list):
            return [self.of(each) for each in content]
        if loader == "NdArrayNode" and node.get("type") == "numpy" and _named(node) == _NUMPY_TEXT:
            return ""  # some text: the loader makes one of whatever it reads
        return ...
