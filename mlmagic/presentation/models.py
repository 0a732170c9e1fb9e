"""How models and registrations look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmagic.presentation.blocks import Block, Facts, Lines, ListViews, Table, Views
from mlmagic.presentation.measures import age, digest, pairs, plural, shape, size

if TYPE_CHECKING:
    from mlmagic.entities import Model, Registration, Sample


def registration(result: Registration) -> list[Block]:
    """One line: what was registered, or that nothing had to be."""
    found = result.model
    facts = f"   {_summary(found)}" if result.outcome == "registered" else ""
    notes = ["same content"] if result.outcome == "unchanged" else []
    if result.newest > found.version:
        notes.append(f"the newest is {found.name}:{result.newest}")
    note = f" ({'; '.join(notes)})" if notes else ""
    return [Lines((f"{found.id}  {result.outcome}{note}{facts}",))]


def _summary(model: Model) -> str:
    parts = [_framework(model), size(model.size), digest(model.digest)]
    if model.sample:
        parts.append(f"sample: {_sample(model.sample)}")
    return " · ".join(part for part in parts if part)


def _framework(model: Model) -> str:
    if model.framework == "custom":
        return ""
    return " ".join(part for part in (model.framework, model.framework_version) if part)


def _sample(sample: Sample) -> str:
    return shape(sample.shape) or ("bytes" if sample.kind == "bytes" else "JSON")


def model(found: Model) -> list[Block]:
    """Everything of one version."""
    files = "\n".join(f"{file.path}  {size(file.size)}" for file in found.files)
    return [
        Facts(
            (
                ("model", found.id),
                ("description", found.description),
                ("framework", _framework(found) or found.framework),
                ("content", f"{size(found.size)} · {digest(found.digest)}"),
                ("files", files),
                ("sample", _sample(found.sample) if found.sample else ""),
                ("tags", pairs(found.tags)),
                ("properties", pairs(found.properties)),
                ("requirements", found.requirements),
                ("made", _lineage(found)),
            )
        )
    ]


def _lineage(found: Model) -> str:
    lineage = found.lineage
    commit = f"commit {lineage.git_commit[:8]}" if lineage.git_commit else ""
    cell = f"In [{lineage.execution_count}]" if lineage.execution_count else ""
    parts = [
        age(found.created_at),
        f"Python {lineage.python_version}" if lineage.python_version else "",
        " ".join(part for part in (cell, lineage.notebook and f"of {lineage.notebook}") if part),
        commit + (" with changes" if commit and lineage.git_dirty else ""),
    ]
    return " · ".join(part for part in parts if part)


def models(found: list[Model]) -> list[Block]:
    """A table of versions."""
    rows = [
        (
            item.name,
            item.version,
            _framework(item),
            size(item.size),
            pairs(item.tags),
            age(item.created_at),
        )
        for item in found
    ]
    columns = ("name", "version", "framework", "size", "tags", "registered")
    return [Table(columns, rows, empty="There is no such model. Register one with %register.")]


def verification(report: Any) -> list[Block]:
    """What a check of the store found."""
    checked = f"{plural(report.models, 'version')}, {plural(report.contents, 'content')} checked"
    lines = [f"{checked} · {'all well' if report.ok else 'damage found'}"]
    for kind in ("missing", "damaged"):
        for owner, files in getattr(report, kind).items():
            lines.append(f"{owner}  {kind}: {', '.join(files)}")
    left = len(report.orphans) + len(report.temporaries)
    if left:
        lines.append(f"{plural(left, 'leftover')} (--repair removes what is an hour old)")
    lines += report.repaired
    if not report.ok and not report.repaired:
        lines.append("To mend what can be mended: %ml model verify --repair")
    return [Lines(tuple(lines))]


MODEL_VIEWS: Views = {"Registration": registration, "Model": model, "VerifyReport": verification}
MODEL_LISTS: ListViews = {"Model": models}
