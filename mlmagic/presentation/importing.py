"""How a project of Azure ML v1 looks that was looked through."""

from __future__ import annotations

from collections import Counter
from textwrap import fill
from typing import TYPE_CHECKING, Any

from mlmagic.presentation.blocks import Block, Entries, Facts, Lines, Views
from mlmagic.presentation.measures import plural

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 3


def report(found: Any) -> list[Block]:
    """What it holds; what is left to the reader, then what was mapped, and what works."""
    kinds = Counter(file.kind for file in found.files)
    files = ", ".join(plural(count, kind) for kind, count in kinds.items())
    names = len({each.what for each in found.works})
    works = f"{plural(names, 'name')} in {plural(_places(found.works), 'place')}"
    facts = [
        ("project", found.source),
        ("of Azure ML v1", fill(files, 80) or "nothing: no file of it uses it"),
        ("needs a decision", plural(_places(found.decide), "place") if found.decide else "nothing"),
        ("mapped", plural(_places(found.mapped), "place") if found.mapped else ""),
        ("works", works if found.works else ""),
        ("written", found.written),
    ]
    blocks: list[Block] = [Facts(tuple(facts))]
    for title, findings in (("needs a decision", found.decide), ("mapped", found.mapped)):
        if findings:
            blocks += [Lines(("",)), Entries((title, "here", "where"), _rows(findings))]
    return blocks


def _places(findings: Iterable[Any]) -> int:
    return sum(each.count for each in findings)


def _rows(findings: Iterable[Any]) -> list[tuple[str, str, str]]:
    """Tell what is found in several files once, with the first places."""
    places: dict[tuple[str, str], list[str]] = {}
    for each in findings:
        more = f" ({each.count})" if each.count > 1 else ""
        places.setdefault((each.what, each.text), []).append(f"{each.place}{more}")
    return [(what, text, _listed(where)) for (what, text), where in places.items()]


def _listed(where: list[str]) -> str:
    more = [f"and {plural(len(where) - _SHOWN, 'file')} more"] if len(where) > _SHOWN else []
    return ",\n".join(where[:_SHOWN] + more)


IMPORT_VIEWS: Views = {"ImportReport": report}
