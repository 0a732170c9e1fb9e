"""What our classes have, by the names that code of Azure ML v1 uses."""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mlmagic.azureml.coverage import NO_VERSIONS, Row, is_refused_class, rows
from mlmagic.azureml.finder import elsewhere, is_here, ours
from mlmagic.errors import did_you_mean

if TYPE_CHECKING:
    from mlmagic.azureml.importing.report import Verdict

_CLASS, _FUNCTION = "(class)", "(function)"  # the rows of a whole
_VERDICTS: dict[str, Verdict] = {"works": "works", "differs": "mapped", "refused": "decide"}
_SEVERAL = re.compile(r"(?:builtins\.)?(?P<shape>list|dict)\[(?:str, )?(?P<owner>\w+)\]")
_OF_SELF = re.compile(r"\bself\.([a-z]\w*)\b(?!\()")
# What members give whose annotation does not say it.
_GIVEN = {
    "conda_dependencies": "CondaDependencies",
    "docker": "DockerSection",
    "environment": "Environment",
    "experiment": "Experiment",
    "get_context": "Run",
    "python": "PythonSection",
    "workspace": "Workspace",
}
_SEARCH = "Search with scikit-learn, Optuna or FLAML, and submit that: experiment.submit(search)."
_STEPS = "Run the steps as notebooks, one after the other: 'mlmagic run'."
_MACHINE = "Notebooks and scripts run on this machine: leave it out."
# Members of classes that are not here, of which v1's methods returned an object as well.
_OF_OTHERS: dict[str, dict[str, str]] = {
    "Run": {
        **dict.fromkeys(("find_step_run", "get_steps", "get_pipeline_output"), _STEPS),
        "publish_pipeline": _STEPS,
        "get_best_run_by_primary_metric": _SEARCH,
        "get_children_sorted_by_primary_metric": _SEARCH,
        "input_datasets": "Read the data with pandas or fsspec.",
        "output_datasets": "Write files with pandas or fsspec.",
    },
    "ComputeTarget": dict.fromkeys(
        ("list_nodes", "scale_settings", "start", "status", "stop"), _MACHINE
    ),
    "Webservice": dict.fromkeys(
        ("create_version", "delete_version", "update_version", "versions"), NO_VERSIONS
    ),
}
Shape = Literal["module", "class", "instance", "list", "dict", "function"]


@dataclass(frozen=True, kw_only=True)
class Thing:
    """What a name of a script stands for.

    Attributes:
        shape: ``list`` and ``dict`` hold instances of the class.
        name: The module's dotted name, or the class's or function's.
    """

    shape: Shape
    name: str


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What is said of a use.

    Attributes:
        verdict: As in a finding.
        what: The member, such as ``Model.register``.
        text: The other way, or what to do.
    """

    verdict: Verdict
    what: str
    text: str = ""


@functools.cache
def _table() -> dict[str, dict[str, Row]]:
    table: dict[str, dict[str, Row]] = {}
    for row in rows():
        table.setdefault(row.owner, {})[row.member] = row
    return table


@functools.cache
def _classes() -> dict[str, type]:
    found: dict[str, type] = {}
    for row in (members.get(_CLASS) for members in _table().values()):
        if row is not None:
            home = importlib.import_module(f"mlmagic.{row.module}")
            found[row.owner] = getattr(home, row.owner)
    return found


def find(dotted: str) -> Thing | Judgement:
    """Find what a dotted name of v1 stands for: ``azureml.core.Workspace``."""
    if is_here(dotted):
        return Thing(shape="module", name=dotted)
    module, _, name = dotted.rpartition(".")
    if is_here(module):
        found = getattr(importlib.import_module(ours(module)), name, None)
        if found is not None:
            return _thing(found, name)
    way = elsewhere(dotted)
    if way is None and is_here(module):
        names = getattr(importlib.import_module(ours(module)), "__all__", ())
        way = f"There is no '{name}' in '{ours(module)}'. {did_you_mean(name, names)}".rstrip()
    return Judgement(verdict="decide", what=dotted, text=way or "There is no such module here.")


def _thing(found: Any, name: str) -> Thing | Judgement:
    if is_refused_class(found):
        return Judgement(verdict="decide", what=name, text=found.__doc__ or "")
    if isinstance(found, type):
        return Thing(shape="class", name=found.__name__)
    return Thing(shape="function", name=name)


def judge_whole(name: str) -> Judgement:
    """Say what becomes of a class with its constructor, or of a function."""
    members = _table().get(name, {})
    row = members.get(_CLASS) or members.get(_FUNCTION)
    return _judged(row, name) if row else Judgement(verdict="works", what=name)


def judge(owner: str, member: str) -> Judgement | None:
    """Say what becomes of a member; None for what is no business of v1, such as ``__name__``."""
    if member.startswith("__") or owner not in _classes():
        return None
    for name in (owner, *_below(owner)):
        if row := _table().get(name, {}).get(member):
            return _judged(row, f"{name}.{member}")
    if member in _set_by_methods(owner):
        return Judgement(verdict="works", what=f"{owner}.{member}")
    if way := _OF_OTHERS.get(owner, {}).get(member):
        return Judgement(verdict="decide", what=f"{owner}.{member}", text=way)
    near = difflib.get_close_matches(member, _table()[owner], n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    text = f"There is no '{member}' of '{owner}' here.{hint or ' Take it out.'}"
    return Judgement(verdict="decide", what=f"{owner}.{member}", text=text)


def comes_of(owner: str, member: str) -> Thing | None:
    """Return what a member gives, when it is called or read, as its annotation says."""
    for name in (owner, *_below(owner)):
        kind = _classes().get(name)
        found = inspect.getattr_static(kind, member, None) if kind else None
        if found is not None:
            function = getattr(found, "fget", None) or getattr(found, "__func__", found)
            told = _of_annotation(getattr(function, "__annotations__", {}).get("return"), name)
            if told is not None:
                return told
    given = _GIVEN.get(member) if judge(owner, member) else None
    return Thing(shape="instance", name=given) if given else None


def of_annotation(text: str) -> Thing | None:
    """Return what a script's own annotation stands for, where it names a class of v1."""
    return _of_annotation(text.rpartition(".")[2], "")


def _of_annotation(text: object, owner: str) -> Thing | None:
    words = str(text or "").partition(" | ")[0]  # of several, the one that v1 promised
    if words == "Self":
        words = owner
    if words in _classes():
        return Thing(shape="instance", name=words)
    several = _SEVERAL.fullmatch(words)
    if several is None or several["owner"] not in _classes():
        return None
    shape: Shape = "list" if several["shape"] == "list" else "dict"
    return Thing(shape=shape, name=several["owner"])


def _judged(row: Row, what: str) -> Judgement:
    return Judgement(verdict=_VERDICTS[row.status], what=what, text=row.note)


def _below(owner: str) -> list[str]:
    """Return the kinds of a class: ``Model.deploy`` returns one of the web services."""
    base = _classes().get(owner)
    if not isinstance(base, type) or is_refused_class(base):
        return []
    return [
        name
        for name, kind in _classes().items()
        if name != owner and not is_refused_class(kind) and issubclass(kind, base)
    ]


@functools.cache
def _set_by_methods(owner: str) -> set[str]:
    """Return the attributes that a class sets on itself, which its annotations may not name."""
    ours = f"{__name__.partition('.')[0]}."
    kinds = [kind for kind in _classes()[owner].__mro__ if kind.__module__.startswith(ours)]
    return {name for kind in kinds for name in _OF_SELF.findall(inspect.getsource(kind))}
