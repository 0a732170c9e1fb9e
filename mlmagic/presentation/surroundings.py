"""How scripts, environments, settings and the machine look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmagic.presentation.blocks import Block, Facts, Lines, ListViews, Table, Views
from mlmagic.presentation.measures import plural, size

if TYPE_CHECKING:
    from mlmagic.entities import Environment


def settings(rows: list[dict[str, Any]]) -> list[Block]:
    """A table of settings with their origins, and below it what is wrong with them."""
    cells = [(row["name"], row["value"], row["origin"], row["help"]) for row in rows]
    blocks: list[Block] = [Table(("setting", "value", "origin", "meaning"), cells)]
    problems = [row["problem"] for row in rows if row["problem"]]
    return [*blocks, Lines(("", *problems))] if problems else blocks


def configurations(kept: list[Any]) -> list[Block]:
    """A table of the configurations kept by name."""
    rows = [(item.name, item.kind) for item in kept]
    return [Table(("name", "kind"), rows, empty="No configuration is kept yet.")]


def configuration(kept: Any) -> list[Block]:
    """A configuration as its author wrote it, and what in it is not used."""
    warnings = [f"line {w.line}: {w.message}" if w.line else w.message for w in kept.warnings]
    text = [f"  {line}" for line in kept.text.strip("\n").splitlines()]
    return [Lines((f"{kept.name}  {kept.kind} configuration", *text, *warnings))]


def conversion(found: Any) -> list[Block]:
    """The cell, the line and the settings, to be copied, and what they leave out."""
    cell = [*found.cell.splitlines(), ""] if found.cell else []
    settings = found.settings.splitlines()
    if settings:
        settings = ["", "# mlmagic.toml, for every service of the workspace", *settings, ""]
    return [Lines((*cell, found.line, *settings, *found.notes))]


def environments(entries: list[Any]) -> list[Block]:
    """A table of environments, with what uses them."""
    rows = [
        (
            entry.name,
            entry.kind,
            entry.lock.short if entry.lock else "",
            entry.lock.python_version if entry.lock else entry.environment.python_version,
            len(entry.packages) or "",
            size(entry.size) if entry.size else "",
            entry.used_by,
        )
        for entry in entries
    ]
    return [Table(("name", "kind", "lock", "Python", "packages", "on disk", "used by"), rows)]


def environment_entry(entry: Any) -> list[Block]:
    """An environment with its locked packages, and what this Python has of them."""
    from mlmagic.environments import locked_packages

    facts = [Facts(environment_facts(entry))]
    if entry.lock is None:
        return [*facts, Lines(("", "Its versions are chosen when something needs it."))]
    rows = [
        (each.name, each.version, each.origin, each.reason, _here(each))
        for each in locked_packages(entry)
    ]
    return [*facts, Lines(("",)), Table(("package", "version", "from", "why", "here"), rows)]


def registered_environment(kept: dict[str, Any]) -> list[Block]:
    """An environment object of v1, by what it is found by."""
    return [Lines((f"{kept['name']}:{kept['version']}",))]


def environment_facts(entry: Any) -> tuple[tuple[str, Any], ...]:
    """What is known of an environment besides its packages."""
    found = entry.environment
    return (
        ("name", entry.name),
        ("kind", entry.kind),
        ("origin", found.origin),
        ("Python", entry.lock.python_version if entry.lock else found.python_version),
        ("requirements", "\n".join(found.requirements)),
        ("variables", found.variables),
        ("lock", entry.lock.short if entry.lock else ""),
        ("on disk", size(entry.size) if entry.size else ""),
        ("used by", entry.used_by),
    )


def _here(package: Any) -> str:
    """What the running Python has of a locked package."""
    if package.here is None:
        return "not here"
    words = [package.here.version if package.differs else "same"]
    words += [package.here.origin] if package.here.origin != "index" else []
    return ", ".join(words)


def environment(found: Environment) -> list[Block]:
    """An environment as it was defined."""
    return [Facts((("environment", found.name), *_facts(found)))]


def _facts(found: Environment) -> list[tuple[str, Any]]:
    return [
        ("origin", found.origin),
        ("Python", found.python_version),
        ("requirements", "\n".join(found.requirements)),
        ("variables", found.variables),
    ]


def pruned(report: Any) -> list[Block]:
    """What was removed, or would be."""
    verb = "would be removed" if report.dry_run else "removed"
    count = plural(len(report.removed), "environment")
    kept = plural(len(report.kept), "environment")
    return [Lines((f"{count} {verb} ({size(report.freed)}) · {kept} in use",))]


def diagnosis(report: Any) -> list[Block]:
    """A table of what was looked at, and below it what to do."""
    rows = [(check.name, check.state, check.found) for check in report.checks]
    advice = [f"{check.name}: {check.advice}" for check in report.checks if check.advice]
    blocks: list[Block] = [Table(("what", "state", "found"), rows)]
    return [*blocks, Lines(("", *advice))] if advice else blocks


def compute_targets(found: list[Any]) -> list[Block]:
    """A table of compute targets."""
    columns = ("name", "kind", "cluster", "context", "namespace", "registry")
    rows = [
        (
            each.name,
            each.compute_type,
            each.cluster,
            each.context or "",
            each.namespace or "",
            each.image_registry or "",
        )
        for each in found
    ]
    return [Table(columns, rows)]


def compute_target(found: Any) -> list[Block]:
    """A compute target, and what was found there when it was attached."""
    facts = (
        ("compute target", found.name),
        ("kind", found.compute_type),
        ("cluster", found.cluster),
        ("kubeconfig", found.kubeconfig),
        ("context", found.context),
        ("namespace", found.namespace),
        ("registry", found.image_registry),
        ("made by", found.provider if found.cluster else ""),
    )
    report = [Lines(("",)), *diagnosis(found.report)] if found.report is not None else []
    return [Facts(facts), *report]


def workspace(facts: dict[str, Any]) -> list[Block]:
    """What people ask of a workspace; what v1 told beside it is in the JSON form alone."""
    keys = ("name", "root", "exists", "models", "services")
    rows = [(key, facts[key]) for key in keys]
    return [Facts((*rows, ("cache directory", facts["cacheDirectory"])))]


def workspaces(rows: list[dict[str, Any]]) -> list[Block]:
    """A table of workspaces; what v1 told of one is in the JSON form alone."""
    columns = ("name", "root", "current")
    return [Table(columns, [[row[column] for column in columns] for row in rows])]


def run(result: Any) -> list[Block]:
    """What an unattended run did, in its own words."""
    return [Lines(tuple(result.summary().splitlines()))]


SURROUNDING_VIEWS: Views = {
    "ComputeTarget": compute_target,
    "Conversion": conversion,
    "DoctorReport": diagnosis,
    "Environment": environment,
    "EnvironmentEntry": environment_entry,
    "KeptConfiguration": configuration,
    "PruneReport": pruned,
    "RunResult": run,
    "registered environment": registered_environment,
    "workspace": workspace,
}
SURROUNDING_LISTS: ListViews = {
    "ComputeTarget": compute_targets,
    "EnvironmentEntry": environments,
    "KeptConfiguration": configurations,
    "settings": settings,
    "workspaces": workspaces,
}
