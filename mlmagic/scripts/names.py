"""Names that a script uses but defines nowhere.

The compiler's own scope analysis is read from the code objects: it knows comprehensions, class
bodies, closures, ``global`` statements and what annotations are never evaluated.
"""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import os.path
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

from mlmagic.entities import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mlmagic.scripts.regions import Regions

NOTEBOOK_ONLY = frozenset({
    "display", "get_ipython", "In", "Out", "_ih", "_oh", "_dh", "_", "__", "___", "_i", "_ii",
    "_iii", "__IPYTHON__",
})  # fmt: skip
_MODULE_NAMES = frozenset({
    "__name__", "__file__", "__doc__", "__package__", "__loader__", "__spec__", "__builtins__",
    "__annotations__", "__cached__", "__path__", "__dict__", "__conditional_annotations__",
})  # fmt: skip
_CLASS_NAMES = frozenset({"__module__", "__qualname__", "__firstlineno__", "__classdict__"})
# A kernel puts its own names into builtins; a service has only Python's.
_BUILTINS = (frozenset(dir(builtins)) | {"WindowsError"}) - NOTEBOOK_ONLY
_READS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_USUAL = {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "pl": "import polars as pl",
    "plt": "import matplotlib.pyplot as plt",
    "tf": "import tensorflow as tf",
    "xgb": "import xgboost as xgb",
    "lgb": "import lightgbm as lgb",
    "ort": "import onnxruntime as ort",
    "load_model": "from mlmagic.scoring import load_model",
    "Path": "from pathlib import Path",
    "Any": "from typing import Any",
}
_SMALL = 40
_SHOWN = 5


@dataclass
class _Names:
    """What the code objects of a module read and define.

    Attributes:
        read: Names that are looked up in the module, and where first, as line and column.
        defined: Names that the module or ``global`` statements define.
        local: Names that ``init`` keeps to itself.
        open_ended: Names may come from a star import, ``globals().update()`` or ``exec()``.
    """

    read: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)
    local: set[str] = field(default_factory=set)
    open_ended: str = ""


def check_names(
    tree: ast.Module,
    code: CodeType,
    regions: Regions,
    namespace: Collection[str] | Mapping[str, object] = (),
) -> Iterator[Problem]:
    """Yield a problem for each name that would be a ``NameError`` outside the notebook.

    Args:
        tree: The script's syntax tree.
        code: The script compiled.
        regions: Where a missing name does no harm.
        namespace: Names of the notebook; with their values the way out is told more exactly.
    """
    found = _Names()
    _read_code(code, found)
    _read_tree(tree, found)
    known = found.defined | _BUILTINS | _MODULE_NAMES
    unknown: dict[str, int] = {}
    for name, read in found.read.items():
        places = [place for place in read if not regions.name_may_fail(place)]
        if name not in known and places:
            unknown[name] = min(places)[0]
    if found.open_ended:
        yield from _uncertain(unknown, found.open_ended)
        return
    for name, line in unknown.items():
        yield _problem(name, line, found, namespace)


def module_names(code: CodeType) -> set[str]:
    """Return the names that a module defines, ``*`` among them for a star import."""
    found = _Names()
    _read_code(code, found)
    return found.defined | ({"*"} if found.open_ended else set())


def _read_code(code: CodeType, found: _Names) -> None:
    is_module = code.co_name == "<module>"
    is_class = not is_module and not code.co_flags & inspect.CO_OPTIMIZED
    own = {item.argval for item in dis.get_instructions(code) if item.opname == "STORE_NAME"}
    for item in dis.get_instructions(code):
        name = item.argval
        if item.opname in _READS:
            if is_class and (name in own or name in _CLASS_NAMES):
                continue
            where = item.positions
            place = ((where and where.lineno) or 0, (where and where.col_offset) or 0)
            found.read.setdefault(name, []).append(place)
        elif item.opname == "STORE_GLOBAL" or (item.opname == "STORE_NAME" and is_module):
            found.defined.add(name)
        elif item.opname == "IMPORT_STAR" or (
            item.opname == "CALL_INTRINSIC_1" and item.argrepr == "INTRINSIC_IMPORT_STAR"
        ):
            found.open_ended = "a star import"
    if code.co_name == "init":
        arguments = code.co_argcount + code.co_kwonlyargcount
        found.local.update((*code.co_varnames[arguments:], *code.co_cellvars))
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            _read_code(inner, found)


def _read_tree(tree: ast.Module, found: _Names) -> None:
    """Read what only the source tells: names defined or asked for as text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and _is_namespace(node.value):
            if isinstance(node.slice, ast.Constant):
                found.defined.add(str(node.slice.value))
            elif isinstance(node.ctx, ast.Store):
                found.open_ended = "globals()"
        elif isinstance(node, ast.Compare) and isinstance(node.left, ast.Constant):
            if any(_is_namespace(other) for other in node.comparators):
                found.defined.add(str(node.left.value))
        elif isinstance(node, ast.Call):
            found.open_ended = _opening(node) or found.open_ended


def _opening(node: ast.Call) -> str:
    """Say by what a call may define names that cannot be known, if it may."""
    called = node.func
    if isinstance(called, ast.Attribute):
        return "globals()" if called.attr == "update" and _is_namespace(called.value) else ""
    name = getattr(called, "id", "")
    if name == "setattr":
        return "sys.modules" if "sys.modules" in ast.unparse(node) else ""
    return "exec()" if name == "exec" else ""


def _is_namespace(node: ast.expr) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Name) and called.id in {"globals", "locals", "vars", "dir"}


def _uncertain(unknown: dict[str, int], source: str) -> Iterator[Problem]:
    """Yield one warning for all names that something in the script may bring."""
    if unknown:
        names = ", ".join(f"'{name}'" for name in sorted(unknown)[:_SHOWN])
        more = ", …" if len(unknown) > _SHOWN else ""
        message = f"Only {source} may bring {names}{more}. Import or define them by name."
        line = min(unknown.values())
        yield Problem(code="undefined-name", message=message, line=line, severity="warning")


def _problem(
    name: str, line: int, found: _Names, namespace: Collection[str] | Mapping[str, object]
) -> Problem:
    if name in NOTEBOOK_ONLY:
        message = f"'{name}' exists only in IPython. " + _instead(name)
        return Problem(code="notebook-only-name", message=message, line=line)
    if name in found.local:
        message = (
            f"The name '{name}' is local to init() and is used outside it. "
            f"Begin init() with the line 'global {name}'."
        )
        return Problem(code="undefined-name", message=message, line=line)
    if name in namespace:
        value = namespace[name] if isinstance(namespace, Mapping) else None
        message = f"The name '{name}' exists only in the notebook. {_way_out(name, value)}"
        return Problem(code="notebook-name", message=message, line=line)
    message = f"The name '{name}' is defined nowhere in the script. {_way_out(name, None)}"
    return Problem(code="undefined-name", message=message, line=line)


def _instead(name: str) -> str:
    if name == "display":
        return "Use print(), which writes to the service's log."
    return "Remove it: a service has no notebook."


def _way_out(name: str, value: object) -> str:
    line = _import_line(name, value)
    if line:
        return f"Add the line '{line}'."
    if isinstance(value, bool | int | float) and len(repr(value)) < _SMALL:
        return f"Add the line '{name} = {value!r}'."
    if callable(getattr(type(value), "predict", None)):
        return "Register it with %register, and load it in init() with load_model()."
    if callable(value):
        return "Move its definition into the script, or into a module that the script imports."
    return "Define or import it in the script."


def _import_line(name: str, value: object) -> str | None:
    """Propose the line that imports a name as the notebook did."""
    if isinstance(value, ModuleType):
        whole = "os.path" if value is os.path else value.__name__
        parent, _, last = whole.rpartition(".")
        if whole == name:
            return f"import {name}"
        return f"from {parent} import {last}" if last == name else f"import {whole} as {name}"
    module = getattr(value, "__module__", None)
    if callable(value) and isinstance(module, str) and module not in {"__main__", "builtins"}:
        own = getattr(value, "__qualname__", "")
        if own.isidentifier():
            alias = "" if own == name else f" as {name}"
            return f"from {_public(module, own, value)} import {own}{alias}"
    if value is None and name in _USUAL:
        return _USUAL[name]
    if value is None and name in sys.stdlib_module_names:
        return f"import {name}"
    return None


def _public(module: str, name: str, value: object) -> str:
    """Shorten a module to the nearest parent that gives the same object, without importing."""
    parts = module.split(".")
    for count in range(1, len(parts)):
        parent = ".".join(parts[:count])
        loaded = sys.modules.get(parent)
        if loaded is not None and vars(loaded).get(name) is value:
            return parent
    return module
