"""A run as JUnit XML, which every CI system shows: a test case per cell and per service."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from mlmagic.runs.storage import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmagic.runs.result import CellOutcome, RunResult


def junit_xml(result: RunResult, cells: Sequence[CellOutcome]) -> str:
    """Write a run as a JUnit report.

    Args:
        result: What came of the run.
        cells: The cells that have run; where the run failed in a cell, that is the last.
    """
    name = name_of(result.notebook)
    suite = ET.Element("testsuite", name=name)
    group = f"{name.removesuffix('.ipynb')}."
    suite.set("timestamp", result.started_at.isoformat(timespec="seconds"))
    suite.set("time", f"{result.duration_seconds:.3f}")
    for number, cell in enumerate(cells, 1):
        _case(suite, f"{group}cells", f"[{number}] {cell.headline}", cell.seconds)
    if failure := result.failure:
        last = suite[-1] if len(suite) else _case(suite, f"{group}cells", "the kernel", 0.0)
        _fail(last, failure.ename, failure.evalue, failure.traceback or failure.source)
    for service in result.services:
        case = _case(suite, f"{group}services", service.name, 0.0)
        if service.failed:
            _fail(case, str(service.state), service.message, service.next_step)
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", "0")
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ET.Element, group: str, name: str, seconds: float) -> ET.Element:
    return ET.SubElement(
        suite, "testcase", classname=group, name=_clean(name), time=f"{seconds:.3f}"
    )


def _fail(case: ET.Element, kind: str, message: str, detail: str) -> None:
    found = ET.SubElement(case, "failure", type=_clean(kind), message=_clean(message))
    found.text = _clean(detail)


def _clean(text: str) -> str:
    """Leave out what XML 1.0 cannot hold."""
    return "".join(c for c in text if c in "\t\n\r" or " " <= c <= "\ud7ff" or c >= "\ue000")
