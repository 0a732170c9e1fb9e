"""Which rules of RBAC grant what is needed."""

from __future__ import annotations

from typing import Any

import pytest

from mlmagic.targets.kubernetes.permissions import Need, _grants

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
