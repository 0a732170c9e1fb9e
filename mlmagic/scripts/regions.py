"""Parts of a module where something may be missing without harm."""

from __future__ import annotations

import ast
import warnings
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Place: TypeAlias = tuple[int, int]
_Span: TypeAlias = tuple[_Place, _Place]

_IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_FILE_ERRORS = frozenset({"FileNotFoundError", "OSError", "IOError", "EnvironmentError"})


def parse_quietly(source: str, name: str = "<script>") -> ast.Module:
    """Parse source without the warnings that its author sees elsewhere.

    Raises:
        SyntaxError: It is not Python.
        ValueError: It holds what no source may, such as null bytes.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source, name)


class Regions:
    """Spans of a module's source, by what may be missing in them."""

    def __init__(self, tree: ast.Module) -> None:
        self._types: list[_Span] = []
        self._main: list[_Span] = []
        self._conditional: list[_Span] = []
        self._caught: dict[str, list[_Span]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.If):
                self._read_if(node)
            elif isinstance(node, ast.Try | ast.TryStar):
                self._read_try(node)

    def types_only(self, node: ast.AST) -> bool:
        """Whether a node stands under ``if TYPE_CHECKING``."""
        return _inside(_place(node), self._types)

    def dormant(self, place: _Place) -> bool:
        """Whether a service never comes to a place: it imports the script, types are not run."""
        return _inside(place, self._types) or _inside(place, self._main)

    def name_may_fail(self, place: _Place) -> bool:
        """Whether a ``NameError`` at a place is caught by name, or never happens."""
        return self.dormant(place) or self._is_caught(place, {"NameError"})

    def import_may_fail(self, node: ast.AST) -> bool:
        """Whether a missing module is caught, or depends on a condition."""
        place = _place(node)
        conditional = self.dormant(place) or _inside(place, self._conditional)
        return conditional or self._is_caught(place, _IMPORT_ERRORS)

    def file_may_fail(self, place: _Place) -> bool:
        """Whether a missing file is caught by name, or never asked for."""
        return self.dormant(place) or self._is_caught(place, _FILE_ERRORS)

    def _is_caught(self, place: _Place, errors: Iterable[str]) -> bool:
        return any(_inside(place, self._caught.get(error, ())) for error in errors)

    def _read_if(self, node: ast.If) -> None:
        body = _span(node.body)
        test = ast.unparse(node.test)
        if test in {"TYPE_CHECKING", "typing.TYPE_CHECKING", "t.TYPE_CHECKING"}:
            self._types.append(body)
        elif "__name__" in test and "__main__" in test:
            self._main.append(body)
        elif any(word in test for word in ("sys.version_info", "sys.platform", "os.name")):
            self._conditional.append(_span([*node.body, *node.orelse]))

    def _read_try(self, node: ast.Try | ast.TryStar) -> None:
        handled = {name for handler in node.handlers for name in _names(handler.type)}
        for name in handled:
            self._caught.setdefault(name, []).append(_span(node.body))
        if handled & _IMPORT_ERRORS:
            # What a handler imports instead is the other choice, as little certain.
            for handler in node.handlers:
                self._conditional.append(_span(handler.body))


def _names(kind: ast.expr | None) -> Iterator[str]:
    if kind is None:
        yield "Exception"
    for node in ast.walk(kind) if kind else ():
        if isinstance(node, ast.Name):
            yield node.id


def _place(node: ast.AST) -> _Place:
    return (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))


def _span(body: list[ast.stmt]) -> _Span:
    last = body[-1]
    return _place(body[0]), (last.end_lineno or last.lineno, last.end_col_offset or 0)


def _inside(place: _Place, spans: Iterable[_Span]) -> bool:
    return any(start <= place <= end for start, end in spans)
