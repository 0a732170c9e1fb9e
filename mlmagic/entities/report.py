"""What became of a captured entry script, and what was found where services run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlmagic.entities.environment import Lock
from mlmagic.entities.script import CellOrigin, Problem
from mlmagic.entities.service import Reason


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What happened when a script was loaded, and its sample scored, in a child process.

    Attributes:
        ok: Whether ``init()`` ran and the sample, if there is one, was scored.
        init_seconds: How long ``init()`` took.
        run_ms: How long ``run(sample)`` took, in milliseconds.
        result: Its answer as JSON text, cut where it is long.
        reason: Why it failed, in one word.
        message: Why it failed, in words.
        traceback: The user's traceback with cell coordinates.
        output: What the script printed; of much output the beginning and the end.
    """

    ok: bool
    init_seconds: float | None = None
    run_ms: float | None = None
    result: str | None = None
    reason: Reason | None = None
    message: str = ""
    traceback: str = ""
    output: str = ""


@dataclass(frozen=True, kw_only=True)
class ScriptReport:
    """What ``%%score_script`` found.

    Attributes:
        file: Where the script was written.
        lines: How many lines it has.
        origin: The cell that it came from.
        imports: Dotted names of what it imports, in order.
        problems: What would break elsewhere.
        trial: How the trial went; None where there was none.
        lock: The environment it was tried in.
        environment: The name of that environment.
    """

    file: str
    lines: int
    origin: CellOrigin | None = None
    imports: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    trial: TrialResult | None = None
    lock: Lock | None = None
    environment: str | None = None


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What.
        state: ``ok``; ``missing`` stops the main job; ``optional`` only what depends on it.
        found: What was found, in words.
        advice: What to do; empty where nothing is to be done.
    """

    name: str
    state: Literal["ok", "missing", "optional"]
    found: str
    advice: str = ""


@dataclass(frozen=True, kw_only=True)
class DoctorReport:
    """All checks."""

    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        """Whether the main job has all that it needs."""
        return all(check.state != "missing" for check in self.checks)
