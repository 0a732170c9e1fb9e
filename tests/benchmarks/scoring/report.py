"""The page of figures."""

from __future__ import annotations

import os
import platform
import subprocess
from typing import TYPE_CHECKING

from tests.benchmarks.scoring.load import debian_version, kernel
from tests.benchmarks.scoring.measures import TIMES
from tests.benchmarks.scoring.peers import FASTAPI, MLSERVER, ROBYN, THEIRS

if TYPE_CHECKING:
    from tests.benchmarks.scoring.measures import Budget, Finding, Problems

_HEAD = """# How fast services answer

Written by `python -m tests.benchmarks.scoring`, which needs [wrk](https://github.com/wg/wrk)
(`apt-get install wrk`) and installs the other servers into environments of their own; `--quick` is
a short run, `--only NAME` one part of it, `soak` sends a million requests and watches the memory.

Every server runs the same Python code ({machine}), one worker process unless told otherwise, with
its own defaults and access log. They are asked in turn, {rounds} rounds of {seconds:g} s after a
warm-up; the figures are medians, behind ± half of what lies between the lowest and the highest.
Ratios are to azmlinfsrv of the same round. wrk shares the processors with the server, so that
absolute figures are low; ratios under 1.3 are noise.
"""


def page(findings: list[Finding], problems: Problems, budget: Budget, kept: str) -> str:
    """Write the page; ``kept`` is what people wrote below."""
    machine = f"{os.cpu_count()} processors {kernel()}, Python {platform.python_version()}"
    machine += f", {debian_version()}; {_versions()}"
    lines = [_HEAD.format(machine=machine, rounds=budget.rounds, seconds=budget.seconds)]
    lines += ["| | goal | mlmagic | reached |", "| --- | --- | --- | --- |"]
    lines += [_goal(finding) for finding in findings]
    lines += ["", "## All figures", ""]
    for finding in findings:
        lines += [f"**{finding.name}** ({finding.unit}{_less(finding)})", ""]
        lines += [f"- {name}: {_value(finding, name)}" for name in finding.values]
        lines += [f"- {finding.note}"] * bool(finding.note)
        lines.append("")
    lines += [f"Not measured: {name} ({why})." for name, why in problems.told.items()]
    return "\n".join(lines).rstrip() + "\n\n" + kept


def _less(finding: Finding) -> str:
    return ", less is better" if finding.best == "less" else ""


def _goal(finding: Finding) -> str:
    verdict = {True: "yes", False: "**no**", None: ""}[finding.reached]
    shown = finding.note if finding.note and TIMES in finding.note else _value(finding, "mlmagic")
    return f"| {finding.name} | {finding.goal} | {shown} | {verdict} |"


def _value(finding: Finding, name: str) -> str:
    values = finding.values[name]
    spread = (max(values) - min(values)) / 2
    text = f"{_figure(finding.median(name))} ± {_figure(spread)}"
    base = finding.values.get(finding.base, [0.0])
    if name != finding.base and min(base) > 0:
        ratios = [value / other for value, other in zip(values, base, strict=True)]
        text += f" ({finding.ratio(name):.2f} {TIMES}, {min(ratios):.2f}-{max(ratios):.2f})"
    return text


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _versions() -> str:
    """Return the versions of the servers."""
    code = "import importlib.metadata as m; print(m.version('{}'))"
    found = []
    for peer in (THEIRS, FASTAPI, MLSERVER, ROBYN):
        package = peer.requirements[0].partition("==")[0]
        command = [str(peer.home / "bin" / "python"), "-c", code.format(package)]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        found.append(f"{package} {told.stdout.strip() or 'missing'}")
    return ", ".join(found)
