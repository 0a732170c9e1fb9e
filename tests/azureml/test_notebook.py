"""The seed sequence of Azure ML v1 as a notebook, unattended, on this machine and in containers."""

from __future__ import annotations

import pytest


def test_the_seed_sequence_runs_by_a_notebook(by_notebook):
    assert by_notebook() == "['local']"


@pytest.mark.docker
@pytest.mark.usefixtures("in_containers")
def test_the_seed_sequence_runs_by_a_notebook_in_containers(by_notebook):
    assert by_notebook() == "['docker']"
