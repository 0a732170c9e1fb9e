"""The page that the new project begins with."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from mlmagic.presentation import present

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmagic.azureml.importing.report import ImportReport

PAGE = "IMPORTED.md"
_HEAD = """\
# Imported from Azure ML v1

Made by `mlmagic import azureml`. Scripts are unchanged; notebooks have one cell more; lines of
`az ml` that `mlmagic` takes have its name. `mlmagic.toml` says what `aci` and `aks` stand for.
"""


def page(report: ImportReport) -> str:
    """Return the page: how to run what is there, and what was found."""
    lines = "\n".join(f"    {line}" for line in _commands(report))
    found = "\n".join(f"    {line}".rstrip() for line in present(report).text.splitlines())
    parts = [_HEAD]
    if lines:
        parts.append(f"## How to run it\n\n{lines}\n")
    parts.append(f"## What was found\n\n{found}\n")
    return "\n".join(parts)


def _commands(report: ImportReport) -> Iterator[str]:
    by_kind: dict[str, list[str]] = {}
    for file in report.files:
        by_kind.setdefault(file.kind, []).append(shlex.quote(file.path))
    yield from (f"mlmagic run {path}" for path in by_kind.get("notebook", ()))
    yield from (f"python -m mlmagic.azureml {path}" for path in by_kind.get("script", ()))
    yield from (f"sh {path}" for path in by_kind.get("shell script", ()) if path.endswith(".sh"))
    for inference in by_kind.get("inference configuration", ()):
        for deployment in by_kind.get("deployment configuration", [""]):
            last = f" --dc {deployment}" if deployment else ""
            yield f"mlmagic model deploy -n SERVICE -m MODEL:1 --ic {inference}{last}"
