"""How the capture of an entry script looks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlmagic.presentation.blocks import Block, Lines, Views
from mlmagic.presentation.measures import milliseconds, plural, seconds, shorten

if TYPE_CHECKING:
    from mlmagic.entities import Lock, Problem, ScriptReport


def report(found: ScriptReport) -> list[Block]:
    """What was captured, how the trial went, and what to look at."""
    width = max(len(found.file), len("tried"))
    lines = [f"{found.file.ljust(width)}   {_captured(found)}"]
    if found.trial is not None:
        lines.append(f"{'tried'.ljust(width)}   {_tried(found)}")
    lines += [
        f"{problem.severity.ljust(width)}   {_told(problem, found)}" for problem in found.problems
    ]
    return [Lines(tuple(lines))]


def _captured(found: ScriptReport) -> str:
    parts = [
        f"captured from In [{found.origin.execution_count}]" if found.origin else "captured",
        plural(found.lines, "line"),
        f"imports {', '.join(sorted(found.imports))}" if found.imports else "",
    ]
    return " · ".join(part for part in parts if part)


def _tried(found: ScriptReport) -> str:
    trial = found.trial
    if trial is None:
        return ""
    parts = []
    if trial.init_seconds is not None:
        parts.append(f"init() {seconds(trial.init_seconds)}")
    if trial.run_ms is not None:
        parts.append(
            f"run(sample) {milliseconds(trial.run_ms)} → {shorten(_rounded(trial.result or ''))}"
        )
    if not trial.ok:
        parts.append(trial.message)
    if found.lock:
        parts.append(_environment(found.lock))
    return " · ".join(parts)


def _rounded(result: str) -> str:
    """Shorten the numbers of an answer, where it is whole JSON."""
    try:
        return json.dumps(json.loads(result, parse_float=_short_number), ensure_ascii=False)
    except ValueError:
        return result


def _short_number(text: str) -> float:
    number = float(text)
    return round(number, 1) if abs(number) >= 10 else float(f"{number:.3g}")  # noqa: PLR2004


def _environment(lock: Lock) -> str:
    packages = plural(len(lock.packages), "package")
    return f"environment {lock.short} (Python {lock.python_version}, {packages}, locked)"


def _told(problem: Problem, found: ScriptReport) -> str:
    """Say a problem with the line of the cell, where the script comes from one."""
    if problem.line is None:
        return problem.message
    if found.origin is None:
        return f"line {problem.line}: {problem.message}"
    line = problem.line + found.origin.first_line - 1
    return f"In [{found.origin.execution_count}], line {line}: {problem.message}"


SCRIPT_VIEWS: Views = {"ScriptReport": report}
