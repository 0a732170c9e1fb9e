"""Every notebook runs unattended; the one that must fail says why."""

from __future__ import annotations

import json
import re

import nbformat
import pytest

from tests.notebooks.conftest import ENDS, left_in, shown

# Binder's tests run the first three in this way, `test_parity.py` the one about papermill itself.
NOTEBOOKS = ["06_panels", "08_models", "09_from_azure_ml"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_from_top_to_bottom(name, notebooks, mlmagic):
    assert mlmagic("run", f"{name}.ipynb", "--result", "outcome.json") == 0
    outcome = json.loads((notebooks / "outcome.json").read_text())
    assert outcome["status"] == "succeeded"
    assert {service["state"] for service in outcome["services"]} == {"Deleted"}
    assert outcome["models"]
    assert left_in(notebooks) == ENDS[name]


def test_the_first_notebook_ends_in_a_scored_answer(notebooks, mlmagic):
    arguments = ["-p", "service_name", "nightly", "--result", "outcome.json"]
    assert mlmagic("run", "01_first_service.ipynb", "out.ipynb", *arguments) == 0
    outcome = json.loads((notebooks / "outcome.json").read_text())
    assert outcome["parameters"] == {"service_name": "nightly"}
    assert [service["name"] for service in outcome["services"]] == ["nightly"]
    (answer,) = shown(notebooks / "out.ipynb", "svc.run")
    assert len(json.loads(answer)) == 2


@pytest.mark.docker
def test_a_setting_runs_the_first_notebook_on_containers(
    notebooks, mlmagic, docker_engine, unique, monkeypatch
):
    monkeypatch.setenv("MLMAGIC_BASE_IMAGE", docker_engine.base)
    arguments = ["-p", "service_name", unique, "--set", "target=docker", "--result", "outcome.json"]
    assert mlmagic("run", "01_first_service.ipynb", "out.ipynb", *arguments) == 0
    outcome = json.loads((notebooks / "outcome.json").read_text())
    assert outcome["models"] == [{"id": "diabetes:1", "outcome": "registered"}]
    assert [service["name"] for service in outcome["services"]] == [unique]
    (services,) = shown(notebooks / "out.ipynb", "%ml service list")
    assert re.search(rf"{unique} +Healthy +1/1 +docker +diabetes:1 +http://127.0.0.1:", services)
    (answer,) = shown(notebooks / "out.ipynb", "svc.run")
    assert len(json.loads(answer)) == 2


def test_the_notebook_that_must_fail_says_why(notebooks, mlmagic):
    arguments = ["out.ipynb", "--result", "outcome.json", "--cleanup", "on-failure"]
    assert mlmagic("run", "failing/deployment_fails.ipynb", *arguments) == 3
    outcome = json.loads((notebooks / "outcome.json").read_text())
    assert outcome["status"] == "unhealthy"
    assert outcome["failure"]["ename"] == "DeploymentFailedError"
    assert "NOBODY_SET_THIS" in outcome["failure"]["evalue"]
    assert outcome["failure"]["source"].startswith("%deploy")
    (service,) = outcome["services"]
    assert (service["state"], service["reason"]) == ("Failed", "InitFailed")
    assert service["deleted"]

    executed = nbformat.read(notebooks / "out.ipynb", as_version=4)
    errors = [o for c in executed.cells for o in c.get("outputs", []) if o.output_type == "error"]
    assert [error.ename for error in errors] == ["DeploymentFailedError"]
    assert "never reached\n" not in str(executed.cells[-1].outputs)
