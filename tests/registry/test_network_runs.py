"""Runs of the real FLAML and of a real tracking server of MLflow (see ``networks``)."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from mlmagic.errors import RegistryError
from tests.registry.networks import library

X, Y = load_iris(return_X_y=True, as_frame=True)


@pytest.mark.filterwarnings("ignore")  # of the library, which trains in here
def test_the_best_of_flaml_is_registered(workspace):
    flaml = library("flaml")
    search = flaml.AutoML()
    search.fit(
        X,
        Y,
        task="classification",
        estimator_list=["lgbm"],
        max_iter=3,
        time_budget=60,
        metric="accuracy",
        verbose=0,
        n_jobs=1,
    )
    made = workspace.register_model(search, name="iris", sample=X.head(2)).model
    assert (made.framework, made.loader) == ("lightgbm", "skops")
    assert made.lineage.run_source == "flaml"
    assert made.lineage.params["estimator"] == "lgbm"
    assert made.lineage.metrics["loss"] == pytest.approx(search.best_loss)
    assert workspace.register_model(search).model.name == "flamlbest"


@pytest.fixture
def server(tmp_path):
    """A tracking server with its own database and folder of artifacts, on a port of its own."""
    library("mlflow")
    library("flask_cors")  # the package without it has the client alone
    place = tmp_path / "server"
    place.mkdir()
    log = (place / "log").open("wb+")
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", "0"),
        *("--backend-store-uri", f"sqlite:///{place}/runs.db"),
        *("--artifacts-destination", str(place / "artifacts"), "--workers", "1"),
    ]
    process = subprocess.Popen(command, cwd=place, stdout=log, stderr=log, start_new_session=True)
    try:
        yield _address(process, place / "log")
    finally:
        os.killpg(process.pid, 15)
        process.wait()
        log.close()


def _address(process, log):
    while True:
        found = re.search(r"running on (http://127\.0\.0\.1:\d+)", log.read_text())
        if found:
            return found[1]
        assert process.poll() is None, log.read_text()
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue


@pytest.mark.filterwarnings("ignore")  # of the library, which logs in here
def test_a_run_of_a_tracking_server_is_registered(workspace, server):
    mlflow = library("mlflow")
    from mlflow.tracking import MlflowClient

    client = MlflowClient(server)
    experiment = client.create_experiment("irises")
    run = client.create_run(experiment, run_name="first")
    run_id = run.info.run_id
    client.log_metric(run_id, "f1", 0.9)
    client.log_param(run_id, "C", 1.0)
    mlflow.set_tracking_uri(server)
    try:
        with mlflow.start_run(run_id=run_id):
            mlflow.sklearn.log_model(
                LogisticRegression(max_iter=500).fit(X, Y),
                name="model",
                input_example=X.head(2),
                pip_requirements=["scikit-learn"],  # else it looks for them in a process
                serialization_format="skops",
                skops_trusted_types=["numpy.dtype"],
            )
            mlflow.log_dict({"classes": 3}, "outputs/notes.json")
    finally:
        mlflow.set_tracking_uri(None)
    made = workspace.register_model(
        run_id=run_id, asset_path="model", name="iris", tracking_uri=server
    ).model
    assert made.framework == "scikit-learn"
    assert made.schema["inputs"]
    lineage = made.lineage
    assert (lineage.run_source, lineage.run_id, lineage.run_name) == ("mlflow", run_id, "first")
    assert (lineage.experiment, lineage.metrics, lineage.params) == (
        "irises",
        {"f1": 0.9},
        {"C": "1.0"},
    )
    notes = workspace.register_model(
        run_id=run_id, asset_path="outputs", name="notes", tracking_uri=server
    ).model
    assert [file.path for file in notes.files] == ["outputs/notes.json"]
    with pytest.raises(RegistryError, match="'nothing' is not among the files") as caught:
        workspace.register_model(run_id=run_id, asset_path="nothing", name="x", tracking_uri=server)
    assert "outputs/notes.json, model (a logged model)" in caught.value.hint
