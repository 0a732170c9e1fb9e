"""What is said of a quota of the namespace."""

from __future__ import annotations

import re

import pytest

from mlmagic.targets.kubernetes.quotas import examine_quota


@pytest.mark.parametrize(
    ("hard", "used", "state", "words"),
    [
        ({"pods": "2"}, {"pods": "1"}, "ok", "pods: 1 of 2 used"),
        ({"pods": "1"}, {"pods": "1"}, "missing", "no room for one replica more, .*a replica asks"),
        ({"cpu": "10m"}, {}, "optional", "a replica that says nothing of its size"),
        ({"services": "2"}, {"services": "1"}, "ok", "services: 1 of 2 used"),
        (
            {"services": "1"},
            {"services": "1"},
            "optional",
            "no room for another service: .*service asks",
        ),
        ({"count/secrets": "3"}, {"count/secrets": "3"}, "optional", "no room for another service"),
        (
            {"services": "1", "pods": "1"},
            {"services": "1", "pods": "1"},
            "missing",
            "a service asks for 1; pods: 1 of 1 used, a replica asks for 1",
        ),
    ],
)
def test_replicas_and_updates_make_no_objects_but_pods(
    hard: dict[str, str], used: dict[str, str], state: str, words: str
) -> None:
    quota = {"metadata": {"name": "small"}, "status": {"hard": hard, "used": used}}
    check = examine_quota(quota)
    assert check.state == state
    assert re.search(words, check.found)
