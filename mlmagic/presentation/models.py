"""How models and registrations look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmagic.presentation.blocks import Block, Facts, Lines, ListViews, Table, Views
from mlmagic.presentation.measures import age, digest, pairs, plural, shape, size

if TYPE_CHECKING:
    from mlmagic.entities import Model, ModelCard, Registration, Sample

_FILES = 100  # of a model; the others are in its JSON


def registration(result: Registration) -> list[Block]:
    """One line: what was registered, or that nothing had to be."""
    found = result.model
    facts = f"   {_summary(found)}" if result.outcome == "registered" else ""
    notes = ["same content"] if result.outcome == "unchanged" else []
    if result.newest > found.version:
        notes.append(f"the newest is {found.name}:{result.newest}")
    note = f" ({'; '.join(notes)})" if notes else ""
    return [Lines((f"{found.id}  {result.outcome}{note}{facts}",))]


def registrations(results: list[Registration]) -> list[Block]:
    """A line each."""
    return [block for each in results for block in registration(each)]


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
    return [facts_of(found)]


def facts_of(found: Model) -> Facts:
    """Return what is known of one version, by name."""
    return Facts(
        (
            ("model", found.id),
            ("description", found.description),
            ("framework", _framework(found) or found.framework),
            ("content", f"{size(found.size)} · {digest(found.digest)}"),
            ("files", _files(found)),
            ("format", pairs(found.facts)),
            ("sample", _sample(found.sample) if found.sample else ""),
            ("aliases", ", ".join(found.aliases)),
            ("archived", "yes" if found.archived else ""),
            (
                "signed by",
                ", ".join(each.path.removesuffix(".sig") for each in found.signatures),
            ),
            ("needs trust", _strange(found)),
            ("tags", pairs(found.tags)),
            ("properties", pairs(found.properties)),
            ("run", _run(found)),
            ("metrics", pairs({k: f"{v:.6g}" for k, v in found.lineage.metrics.items()})),
            ("parameters", pairs(found.lineage.params)),
            ("parent", found.lineage.parent or ""),
            ("data", pairs({k: ", ".join(v) for k, v in found.lineage.datasets.items()})),
            ("resources", _resources(found)),
            ("requirements", found.requirements),
            ("made", _lineage(found)),
        )
    )


def _files(found: Model) -> str:
    lines = [f"{file.path}  {size(file.size)}" for file in found.files[:_FILES]]
    if len(found.files) > _FILES:
        lines.append(f"… and {plural(len(found.files) - _FILES, 'file')} more")
    return "\n".join(lines)


def _strange(found: Model) -> str:
    """What is outside the allow-list; a workspace that has no decision on it refuses the model."""
    return "\n".join(
        f"sha256:{sha256[:12]}  {', '.join(names)}" for sha256, names in found.needs_trust.items()
    )


def card(found: ModelCard) -> list[Block]:
    """The Markdown as it is."""
    return [Lines(tuple(found.text.splitlines()))]


def _run(found: Model) -> str:
    lineage = found.lineage
    name = f"'{lineage.run_name}'" if lineage.run_name else ""
    place = f"of {lineage.experiment}" if lineage.experiment else ""
    parts = (lineage.run_source, name, lineage.run_id, place)
    return " ".join(part for part in parts if part)


def _signers(found: Model) -> str:
    return ", ".join(f"key {each.path.removesuffix('.sig')}" for each in found.signatures)


def _resources(found: Model) -> str:
    wanted = found.resources
    parts = (
        f"{wanted.cpu:g} cores" if wanted.cpu else "",
        f"{wanted.memory_gb:g} GB" if wanted.memory_gb else "",
        f"{wanted.gpu} GPU" if wanted.gpu else "",
    )
    return " · ".join(part for part in parts if part)


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
    """A table of versions; aliases have a column where there are any."""
    columns = ["name", "version", "framework", "size", "tags", "registered"]
    rows = [
        [
            item.name,
            item.version,
            _framework(item),
            size(item.size),
            pairs(item.tags),
            age(item.created_at),
        ]
        for item in found
    ]
    if any(item.aliases for item in found):
        columns.insert(2, "aliases")
        for row, item in zip(rows, found, strict=True):
            row.insert(2, ", ".join(item.aliases))
    empty = "There is no such model. Register one with %register."
    return [Table(tuple(columns), [tuple(row) for row in rows], empty=empty)]


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


def garbage(report: Any) -> list[Block]:
    """What a collection of garbage removed, or would remove."""
    count = len(report.contents) + len(report.shared)
    found = f"{plural(count, 'content')}, {plural(len(report.temporaries), 'half-written file')}"
    if report.damaged:
        found += f", {plural(len(report.damaged), 'damaged content')}"
    word = "removed" if report.removed else "would go"
    return [Lines((f"{found} {word} · {size(report.size)}",))]


def moves(found: list[Any]) -> list[Block]:
    """The history of aliases."""
    rows = [
        (move.alias, move.version or "removed", age(move.moved_at), move.moved_by) for move in found
    ]
    return [Table(("alias", "version", "moved", "by"), rows, empty="No alias was ever set.")]


def decisions(found: list[Any]) -> list[Block]:
    """What is trusted on record."""
    rows = [
        (
            each.model,
            f"sha256:{each.sha256[:12]}",
            ", ".join(each.names),
            f"{each.who}, {age(each.when)}",
            each.reason,
            f"by {each.revoked_by}, {age(each.revoked_at)}" if each.revoked_at else "",
        )
        for each in found
    ]
    columns = ("model", "content", "trusted", "by", "reason", "taken back")
    return [Table(columns, rows, empty="Nothing outside the allow-list is trusted.")]


MODEL_VIEWS: Views = {
    "GarbageReport": garbage,
    "Model": model,
    "ModelCard": card,
    "Registration": registration,
    "VerifyReport": verification,
}
MODEL_LISTS: ListViews = {
    "AliasMove": moves,
    "Decision": decisions,
    "Model": models,
    "Registration": registrations,
}
