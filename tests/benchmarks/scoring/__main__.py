"""Measure the scoring server against its peers: ``python -m tests.benchmarks.scoring``."""

from __future__ import annotations

import argparse
import sys

from tests.scoring.differential.environments import ROOT

PAGE = ROOT / "docs" / "performance.md"
_KEPT = "## Notes\n"


def main() -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scoring")
    parser.add_argument("what", nargs="?", choices=("goals", "soak"), default="goals")
    parser.add_argument("--quick", action="store_true", help="one short round; the page stays")
    parser.add_argument("--only", action="append", metavar="NAME", help="one part; the page stays")
    parser.add_argument("--requests", type=int, default=1_000_000, help="of the soak")
    options = parser.parse_args()
    if options.what == "soak":
        from tests.benchmarks.scoring.soak import soak

        soak(options.requests)
        return
    _measure(quick=options.quick, only=options.only)


def _measure(*, quick: bool, only: list[str] | None) -> None:
    from tests.benchmarks.scoring.measures import MEASURES, Budget, Finding, Problems
    from tests.benchmarks.scoring.report import page

    budget = Budget(1, 1, requests=10_000) if quick else Budget(3, 3)
    problems = Problems()
    findings: list[Finding] = []
    for measure in MEASURES:
        if only and measure.__name__ not in only:
            continue
        sys.stderr.write(f"{measure.__name__}\n")
        try:
            for finding in measure(budget, problems):
                findings.append(finding)
                sys.stderr.write(f"  {finding.name}: reached {finding.reached} {finding.note}\n")
        except Exception as error:  # noqa: BLE001 - the other figures are not lost with one
            problems.told[measure.__name__] = repr(error)[:300]
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    text = page(findings, problems, budget, _KEPT + old.partition(_KEPT)[2])
    sys.stdout.write(text)
    if not quick and not only:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
