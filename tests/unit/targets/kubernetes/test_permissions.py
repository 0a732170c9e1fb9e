"""Which rules of RBAC grant what is needed, and what the page says is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlmagic.targets.kubernetes.permissions import NEEDS, Need, _grants

PAGE = Path(__file__).parents[4] / "docs" / "kubernetes.md"

SCALE = Need("apps", "deployments/scale", ("patch",), "")
EVERYTHING = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


@pytest.mark.parametrize(
    ("rule", "granted"),
    [
        (EVERYTHING, True),
        ({**EVERYTHING, "resources": ["deployments", "deployments/scale"]}, True),
        ({**EVERYTHING, "resources": ["*/scale"]}, True),
        ({**EVERYTHING, "resources": ["deployments", "*/status"]}, False),
        ({**EVERYTHING, "verbs": ["get", "patch"]}, True),
        ({**EVERYTHING, "verbs": ["get"]}, False),
        ({**EVERYTHING, "apiGroups": [""]}, False),
        ({**EVERYTHING, "resourceNames": ["svc"]}, False),
        ({"verbs": ["*"], "nonResourceURLs": ["*"]}, False),
    ],
)
def test_a_rule_grants_a_verb(rule: dict[str, Any], granted: bool) -> None:
    assert _grants(rule, SCALE, "patch") is granted


def test_the_page_says_what_is_needed_and_what_may_be_left_out() -> None:
    lines = PAGE.read_text().partition("## Permissions")[2].partition("## Security")[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    found = {}
    for resources, verbs, what_for in rows[1:]:
        kinds = [each.split(", ") for each in resources.rpartition("** ")[2].split("; ")]
        told = [set(each.split(", ")) for each in verbs.split("; ")]
        told *= len(kinds) // len(told)
        optional = "may be left out" in what_for.lower()
        for names, each in zip(kinds, told, strict=True):
            found |= dict.fromkeys(names, (each, optional))
    assert found == {need.resource: ({*need.verbs}, need.optional) for need in NEEDS}
