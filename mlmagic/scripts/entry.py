"""The contract of an entry script: its file name, ``init()`` and ``run(data)``, as in v1."""

from __future__ import annotations

import ast
import keyword
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeAlias

from mlmagic.entities import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

# Decorators that keep the signature; behind others the function may be another one.
_TRANSPARENT = frozenset({"input_schema", "output_schema", "rawhttp", "batched"})
_HEADERS = "request_headers"
_WANTED = {
    "init": "Add 'def init():', which loads the model once.",
    "run": "Add 'def run(data):', which answers a request.",
}


def check_file_name(name: str) -> Iterator[Problem]:
    """Yield a problem where v1's rule for the name of an entry script is broken."""
    path = PurePath(name)
    rule = "An entry script is named like a Python module, such as 'score.py'."
    if path.suffix != ".py":
        yield Problem(
            code="file-name", message=f"The file '{path.name}' is not a '.py' file. {rule}"
        )
    elif not path.stem.isidentifier() or keyword.iskeyword(path.stem):
        message = f"The file name '{path.name}' cannot be imported. {rule}"
        yield Problem(code="file-name", message=message)


def check_entry(tree: ast.Module, defined: Collection[str]) -> Iterator[Problem]:
    """Yield problems of ``init`` and ``run``: missing, or called in a way they do not allow.

    Args:
        tree: The script's syntax tree.
        defined: Names that the module defines in any way; ``*`` if it cannot be known.
    """
    functions = dict(_module_functions(tree.body))
    for name, way_out in _WANTED.items():
        if name not in defined and "*" not in defined:
            message = f"The script defines no function '{name}'. {way_out}"
            yield Problem(code=f"missing-{name}", message=message)
    if "init" in functions:
        yield from _check_init(functions["init"])
    if "run" in functions:
        yield from _check_run(functions["run"])


def _module_functions(body: list[ast.stmt]) -> Iterator[tuple[str, _Function]]:
    """Yield the functions of a module whose signature is certain, the last of a name last."""
    for node in body:
        if isinstance(node, _Function):
            if all(_decorator(item) in _TRANSPARENT for item in node.decorator_list):
                yield node.name, node
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _module_functions([*node.body, *getattr(node, "orelse", [])])


def _decorator(node: ast.expr) -> str:
    called = node.func if isinstance(node, ast.Call) else node
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _check_init(node: _Function) -> Iterator[Problem]:
    required = _required(node)
    if required:
        message = (
            f"init() is called without arguments, but needs '{required[0]}'. "
            "Remove it; models are found with load_model() or AZUREML_MODEL_DIR."
        )
        yield Problem(code="init-arguments", message=message, line=node.lineno)


def _check_run(node: _Function) -> Iterator[Problem]:
    arguments = node.args
    refused = [f"positional-only '{argument.arg}'" for argument in arguments.posonlyargs]
    refused += [f"'*{argument.arg}'" for argument in [arguments.vararg] if argument]
    refused += [f"'**{argument.arg}'" for argument in [arguments.kwarg] if argument]
    if refused:
        message = (
            f"run() may not have {' or '.join(refused)}: arguments are given by name. "
            "Write 'def run(data):'."
        )
        yield Problem(code="run-arguments", message=message, line=node.lineno)
        return
    named = [argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)]
    if not [name for name in named if name != _HEADERS]:
        message = (
            "run() has no argument for the request's data. "
            f"Write 'def run(data{', ' + _HEADERS if named else ''}):'."
        )
        yield Problem(code="run-arguments", message=message, line=node.lineno)
    required = [name for name in _required(node) if name != _HEADERS]
    annotated = any(item.annotation for item in (*arguments.args, *arguments.kwonlyargs))
    if len(required) > 1 and not node.decorator_list and not annotated:
        message = (
            f"run() needs {len(required)} arguments, but gets one, the body of the request. "
            f"Annotate them, give '{required[1]}' a default, or read it from the body."
        )
        yield Problem(code="run-arguments", message=message, line=node.lineno)


def _required(node: _Function) -> list[str]:
    """Return the names of the arguments that have no default."""
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    required = positional[: len(positional) - len(arguments.defaults)]
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    required += [argument for argument, default in pairs if default is None]
    return [argument.arg for argument in required]
