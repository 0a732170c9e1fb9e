"""What is told of a project of Azure ML v1."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Verdict = Literal["works", "mapped", "decide"]
Kind = Literal[
    "notebook",
    "script",
    "entry script",
    "inference configuration",
    "deployment configuration",
    "environment",
    "run configuration",
    "requirements",
    "workspace configuration",
    "shell script",
    "pipeline",
    "unreadable file",
]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing of Azure ML v1 in one file.

    Attributes:
        verdict: ``works`` as it is; ``mapped``: done in another way, which the text says;
            ``decide``: not here, or wrong, and the text says what can be done.
        file: The file, relative to the project.
        what: The member, the command or the file.
        text: The other way, or what to do; empty where it just works.
        line: Line of the first use, from 1; of a notebook's cell where ``cell`` is given.
        cell: The cell, from 1.
        count: How often it is used in the file.
    """

    verdict: Verdict
    file: str
    what: str
    text: str = ""
    line: int | None = None
    cell: int | None = None
    count: int = 1

    @property
    def place(self) -> str:
        """Where it is: ``deploy.py:12``, ``train.ipynb, cell 3:1``."""
        cell = f", cell {self.cell}" if self.cell else ""
        return f"{self.file}{cell}{f':{self.line}' if self.line else ''}"


@dataclass(frozen=True, kw_only=True)
class ProjectFile:
    """A file that has to do with Azure ML v1.

    Attributes:
        path: Relative to the project, with forward slashes.
        kind: What it is.
    """

    path: str
    kind: Kind


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What was found in a project, and what was written.

    Attributes:
        source: The folder or notebook.
        files: The files that have to do with Azure ML v1.
        works: What runs as it is.
        mapped: What is done in another way here.
        decide: What needs a decision.
        written: The folder of the project that was made; None where nothing was written.
    """

    source: str
    files: tuple[ProjectFile, ...]
    works: tuple[Finding, ...]
    mapped: tuple[Finding, ...]
    decide: tuple[Finding, ...]
    written: str | None = None


def gather(source: str, files: Iterable[ProjectFile], found: Iterable[Finding]) -> ImportReport:
    """Put findings together: equal ones of a file once, in the order of the files."""
    counts = Counter[Finding]()
    first: dict[Finding, Finding] = {}
    for finding in found:
        key = replace(finding, line=None, cell=None)
        first.setdefault(key, finding)
        counts[key] += 1
    merged = [replace(each, count=counts[key]) for key, each in first.items()]
    return ImportReport(
        source=source,
        files=tuple(files),
        works=tuple(_with(merged, "works")),
        mapped=tuple(_with(merged, "mapped")),
        decide=tuple(_with(merged, "decide")),
    )


def _with(found: Iterable[Finding], verdict: Verdict) -> Iterator[Finding]:
    return (each for each in found if each.verdict == verdict)
