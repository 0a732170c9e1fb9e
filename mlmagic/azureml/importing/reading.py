"""Uses of Azure ML v1 in Python, found in the syntax tree; nothing is imported or run.

Names are followed as they are bound, in the order of the lines: ``ws = Workspace.from_config()``
is a workspace, and ``ws.get_default_keyvault()`` a use of that member. What a function of the
script returns is not followed.
"""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from mlmagic.azureml.importing.known import (
    Judgement,
    Thing,
    comes_of,
    find,
    judge,
    judge_whole,
    of_annotation,
)
from mlmagic.scoring.standins.finder import is_provided

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROOT = "azureml"
_AZ = ("az", "az.cmd")
_PUT_IN = "$VALUE"
# A line is run: its text begins a command. A sentence about 'az ml' does not.
_MENTIONS = re.compile(r"\baz\s+ml\b")
_BEGINS = re.compile(
    r"""(?:^|[;&|({'"\n]|\$\()\s*(?:(?:\w+=\S*|sudo|time|nohup|exec)\s+)*az(?:\.cmd)?\s+ml\s+\w"""
)
# Arguments of a call that hold a line, and calls that run none of what they are given.
_LINES = ("args", "bash_command", "cmd", "command")
_ONLY_TELLS = re.compile(
    r".*(Error|Exception|Warning|Exit)|print|echo|write|warn|debug|info|warning|error|critical"
    r"|exception|log|fail|compile|search|(full)?match|sub|find(all)?|replace|split|join|startswith"
    r"|endswith|removeprefix|index|count|getLogger|add_parser|add_argument|ArgumentParser"
)
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True)
class Use:
    """A use of v1 on a line."""

    line: int
    judgement: Judgement


class UseReader(ast.NodeVisitor):
    """Reads one module, or the cells of one notebook after each other."""

    def __init__(self) -> None:
        self.names: dict[str, Thing] = {}
        self.found: list[Use] = []
        self._later: list[tuple[_Function, dict[str, Thing]]] = []

    def read(self, tree: ast.Module) -> list[Use]:
        """Return the uses in a module or cell, in the order of the lines.

        Functions come last: they know the names that the module has bound at its end.
        """
        names, self.found = self.names, []
        self.visit(tree)
        while self._later:
            function, around = self._later.pop(0)
            self.names = dict(around)  # with all that was bound around it until the end
            self._read_function(function)
        self.names = names
        return sorted(self.found, key=lambda use: use.line)

    def _read_function(self, function: _Function) -> None:
        arguments = function.args
        for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            self.names.pop(each.arg, None)
            if each.annotation is not None and (thing := self._annotated(each.annotation)):
                self.names[each.arg] = thing
        for node in function.body:
            self.visit(node)

    def _annotated(self, node: ast.expr) -> Thing | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return of_annotation(node.value)
        thing = self._thing(node)
        if thing and thing.shape == "class":
            return replace(thing, shape="instance")
        return None

    def _use(self, node: ast.AST, judgement: Judgement | None) -> None:
        if judgement is not None:
            self.found.append(Use(line=getattr(node, "lineno", 1), judgement=judgement))

    # What binds names.

    def visit_Import(self, node: ast.Import) -> None:
        """Bind a module."""
        for alias in node.names:
            if alias.name.partition(".")[0] != _ROOT:
                self._bind_name(alias.asname or alias.name.partition(".")[0], None)
                continue
            found = find(alias.name)
            if isinstance(found, Judgement):
                self._use(node, found)
            elif alias.asname:
                self.names[alias.asname] = found
            self.names.setdefault(_ROOT, Thing(shape="module", name=_ROOT))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Bind what a module has."""
        module = node.module or ""
        ours = module.partition(".")[0] == _ROOT and not node.level
        for alias in node.names:
            name = alias.asname or alias.name
            if not ours:
                self._bind_name(name, None)
                continue
            found = find(module if alias.name == "*" else f"{module}.{alias.name}")
            if isinstance(found, Judgement):
                self._use(node, found)
                self._bind_name(name, None)
                continue
            if found.shape != "module":
                self._use(node, judge_whole(found.name))
            self._bind_name(name, found)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Bind what is assigned."""
        self.visit(node.value)
        thing = self._thing(node.value)
        for target in node.targets:
            self._bind(target, thing)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Bind what is assigned, or what the annotation says."""
        thing = self._annotated(node.annotation)
        if node.value is not None:
            self.visit(node.value)
            thing = self._thing(node.value) or thing
        self._bind(node.target, thing)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """Bind what is assigned."""
        self.visit(node.value)
        self._bind(node.target, self._thing(node.value))

    def visit_With(self, node: ast.With) -> None:
        """Bind what is entered: of v1, a run, which enters itself."""
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, self._thing(item.context_expr))
        for each in node.body:
            self.visit(each)

    def visit_For(self, node: ast.For) -> None:
        """Bind an element."""
        self.visit(node.iter)
        self._bind_element(node.target, node.iter)
        for each in (*node.body, *node.orelse):
            self.visit(each)

    def visit_FunctionDef(self, node: _Function) -> None:
        """Read it later: it knows what the module binds below it."""
        for each in (*node.decorator_list, *node.args.defaults):
            self.visit(each)
        self._bind_name(node.name, None)
        self._later.append((node, self.names))

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self._elements(node.generators, lambda: self.visit(node.elt))

    visit_ListComp = visit_SetComp = visit_GeneratorExp = _comprehension  # noqa: N815

    def visit_DictComp(self, node: ast.DictComp) -> None:
        """Bind the elements."""

        def inner() -> None:
            self.visit(node.key)
            self.visit(node.value)

        self._elements(node.generators, inner)

    def _elements(self, generators: list[ast.comprehension], inner: Callable[[], None]) -> None:
        around, self.names = self.names, dict(self.names)
        for each in generators:
            self.visit(each.iter)
            self._bind_element(each.target, each.iter)
            for condition in each.ifs:
                self.visit(condition)
        inner()
        self.names = around

    def _bind(self, target: ast.expr, thing: Thing | None) -> None:
        if isinstance(target, ast.Name):
            self._bind_name(target.id, thing)
        elif isinstance(target, ast.Tuple | ast.List):
            for each in target.elts:
                self._bind(each, None)
        else:
            self.visit(target)  # an attribute that is set is used

    def _bind_element(self, target: ast.expr, several: ast.expr) -> None:
        """Bind an element of what is gone through; of ``items()`` the second of each pair."""
        self._bind(target, self._element(several))
        method = several.func if isinstance(several, ast.Call) else None
        if not isinstance(method, ast.Attribute) or method.attr != "items":
            return
        held = self._thing(method.value)
        if isinstance(target, ast.Tuple) and held and held.shape == "dict":
            self._bind(target.elts[-1], replace(held, shape="instance"))

    def _bind_name(self, name: str, thing: Thing | None) -> None:
        if thing is None:
            self.names.pop(name, None)
        else:
            self.names[name] = thing

    # What is used.

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Judge a member of something of v1."""
        self.visit(node.value)
        base = self._thing(node.value)
        if base is None or base.shape in ("list", "dict", "function"):
            return
        if base.shape == "module":
            found = find(f"{base.name}.{node.attr}")
            if isinstance(found, Judgement):
                self._use(node, found)
            elif found.shape != "module":
                self._use(node, judge_whole(found.name))
            return
        self._use(node, judge(base.name, node.attr))

    def _thing(self, node: ast.expr) -> Thing | None:
        """Return what an expression is, as far as it is of v1."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Await):
            return self._thing(node.value)
        if isinstance(node, ast.Attribute):
            base = self._thing(node.value)
            if base and base.shape == "module":
                found = find(f"{base.name}.{node.attr}")
                return found if isinstance(found, Thing) else None
            return comes_of(base.name, node.attr) if base and _has_members(base) else None
        if isinstance(node, ast.Subscript):
            base = self._thing(node.value)
            several = base is not None and base.shape in ("list", "dict")
            return replace(base, shape="instance") if base and several else None
        return self._called(node.func) if isinstance(node, ast.Call) else None

    def _called(self, function: ast.expr) -> Thing | None:
        called = self._thing(function)
        if called and called.shape == "class":
            return replace(called, shape="instance")
        if not isinstance(function, ast.Attribute):
            return None
        base = self._thing(function.value)
        if base and base.shape == "dict" and function.attr == "values":
            return replace(base, shape="list")
        return comes_of(base.name, function.attr) if base and _has_members(base) else None

    def _element(self, node: ast.expr) -> Thing | None:
        several = self._thing(node)
        return replace(several, shape="instance") if several and several.shape == "list" else None


def _has_members(thing: Thing) -> bool:
    return thing.shape in ("class", "instance")


def texts(tree: ast.Module) -> Iterator[str]:
    """Yield the texts of a module: names of files among them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def imports_v1(tree: ast.Module) -> bool:
    """Whether a module imports anything of v1, wherever it does."""
    return any(
        (isinstance(node, ast.Import) and any(_is_of_v1(alias.name) for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and not node.level and _is_of_v1(node.module or ""))
        for node in ast.walk(tree)
    )


def called_lines(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield what may be lines of a shell, with the numbers of their lines.

    These are the texts that calls are given, but for those that only tell something, and lists of
    words with ``"az", "ml"`` among them. What is put in when the program runs is a variable of a
    shell; lists with ``*more`` are passed over.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if _ONLY_TELLS.fullmatch(_last_name(node.func)):
                continue
            named = (each.value for each in node.keywords if each.arg in _LINES)
            for each in (*node.args, *named):
                text = _text(each)
                if text is not None and (_BEGINS.search(text) or not _MENTIONS.search(text)):
                    yield each.lineno, text
        elif isinstance(node, ast.List | ast.Tuple):
            words = [_text(each) for each in node.elts]
            for place in range(len(words) - 1):
                if words[place] in _AZ and words[place + 1] == "ml" and not _has_star(node):
                    yield node.lineno, " ".join(["az ml", *map(_word, words[place + 2 :])])


def _last_name(function: ast.expr) -> str:
    """Return the name of what is called, without what it is a member of."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _text(node: ast.expr) -> str | None:
    """Return a text, with what is put in as a variable."""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(each.value) if isinstance(each, ast.Constant) else _PUT_IN for each in node.values
        )
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _word(text: str | None) -> str:
    """Return a word as a shell would be given it."""
    if text is None or _PUT_IN in text:
        return _PUT_IN
    return shlex.quote(" ".join(text.split("\n")))


def _has_star(node: ast.List | ast.Tuple) -> bool:
    return any(isinstance(each, ast.Starred) for each in node.elts)


def service_uses(tree: ast.Module) -> Iterator[Use]:
    """Find what an entry script imports of v1: inside a service there are only some names of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if _is_of_v1(alias.name):
                    yield Use(line=node.lineno, judgement=_in_service(alias.name, ""))
        elif isinstance(node, ast.ImportFrom) and _is_of_v1(node.module or "") and not node.level:
            for alias in node.names:
                yield Use(line=node.lineno, judgement=_in_service(node.module or "", alias.name))


def _is_of_v1(module: str) -> bool:
    return module.partition(".")[0] in (_ROOT, "azureml_inference_server_http")


def _in_service(module: str, name: str) -> Judgement:
    dotted = f"{module}.{name}" if name else module
    if is_provided(module, name) or (name and is_provided(dotted, "")):
        return Judgement(verdict="works", what=name or dotted)
    text = "A service does not have it: load models by their path, and settings from variables."
    return Judgement(verdict="decide", what=dotted, text=text)
