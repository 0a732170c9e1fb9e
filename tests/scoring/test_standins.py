"""Names of Azure ML v1's packages where they are not installed."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.scoring.conftest import RunningServer, needs

if TYPE_CHECKING:
    from pathlib import Path

ServeSource = Callable[..., RunningServer]
MODEL = """
import json
from azureml.core.model import Model
from azureml.core import Model as Same
assert Model is Same
def init():
    global found
    found = [Model.get_model_path("one"), Model.get_model_path("one", version=1)]
def run(name):
    try:
        return found if not name else Model.get_model_path(name)
    except Exception as error:
        return [type(error).__name__, str(error)]
"""


def test_model_paths(serve_source: ServeSource, tmp_path: Path) -> None:
    app = tmp_path / "app"
    for version in ("1", "2", "10"):
        (app / "azureml-models" / "one" / version).mkdir(parents=True)
        (app / "azureml-models" / "one" / version / "model.pkl").touch()
    (app / "data.csv").touch()
    server = serve_source(MODEL, AZUREML_MODEL_DIR="azureml-models", AML_APP_ROOT=str(app)).ready()
    newest, first = server.ask(body=b"").json
    assert newest.endswith("one/10/model.pkl")
    assert first.endswith("one/1/model.pkl")
    assert server.ask(body=b"data.csv").json == "data.csv"
    name, text = server.ask(body=b"two").json
    assert name == "ModelNotFoundException"
    assert "azureml-models" in text


def test_other_names_are_not_there(serve_source: ServeSource) -> None:
    source = "from azureml.core import Workspace\ndef init(): pass\ndef run(data): pass"
    status = serve_source(source, "--check").failed()
    assert status["reason"] == "ScriptImportFailed"
    assert "cannot import name 'Workspace'" in status["message"]


def test_an_installed_package_wins(serve_source: ServeSource, tmp_path: Path) -> None:
    package = tmp_path / "site" / "azureml" / "core"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "model.py").write_text("class Model: name = 'theirs'")
    source = (
        "from azureml.core.model import Model\n"
        "from azureml.contrib.services.aml_response import AMLResponse\n"
        "def init(): pass\ndef run(data): return AMLResponse(Model.name, 200)"
    )
    path = os.pathsep.join([str(package.parent.parent), os.environ.get("PYTHONPATH", "")])
    assert serve_source(source, PYTHONPATH=path).ready().ask(body=b"").body == b"theirs"


COLLECTOR = """
import json
from azureml.monitoring import ModelDataCollector
from azureml.monitoring.modeldatacollector import ModelDataCollector as Same
assert ModelDataCollector is Same
def init():
    global inputs, predictions
    inputs = ModelDataCollector("iris", designation="inputs", feature_names=["a", "b"])
    predictions = ModelDataCollector("iris", designation="predictions", feature_names=["c"])
def run(data):
    row = json.loads(data)
    correlations = inputs.collect(row, "mine")
    predictions.collect(predictions.add_correlations([sum(row)], correlations))
    return [correlations]
"""


def test_collection_is_off(serve_source: ServeSource, tmp_path: Path) -> None:
    server = serve_source(COLLECTOR, MLMAGIC_DATA_DIR=str(tmp_path / "data")).ready()
    assert server.ask(body=b"[1, 2]").json == [None]
    assert "Data collection is not enabled." in server.log
    assert not (tmp_path / "data").exists()


def test_collection(serve_source: ServeSource, tmp_path: Path) -> None:
    server = serve_source(
        COLLECTOR,
        MLMAGIC_DATA_DIR=str(tmp_path / "data"),
        AML_MODEL_DC_STORAGE_ENABLED="true",
        SERVICE_NAME="svc",
    ).ready()
    (told,) = server.ask(body=b"[1, 2]", X_Request_Id="the-id").json
    server.ask(body=b"[3, 4]")
    home = tmp_path / "data" / "modeldata/default/default/default/svc/iris/default"
    day = told["$aml_dc_scoring_timestamp"][:10].replace("-", "/")
    with (home / "inputs" / day / "inputs.csv").open(newline="") as stream:
        first, second = csv.DictReader(stream)
    assert (first["a"], first["b"], second["a"]) == ("1", "2", "3")
    assert first["$aml_dc_correlation_id"].startswith("mine-")
    assert first["$aml_request_id"] == "the-id"
    assert first["$aml_dc_boundary"] == "1440"
    with (home / "predictions" / day / "predictions.csv").open(newline="") as stream:
        first, second = csv.DictReader(stream)
    assert (first["c"], second["c"]) == ("3", "7")
    assert first["$aml_dc_correlation_id"] == told["$aml_dc_correlation_id"]


@needs("numpy", "pandas")
def test_collection_of_arrays_and_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np
    import pandas as pd

    from mlmagic.scoring.standins.collector import ModelDataCollector

    monkeypatch.setenv("MLMAGIC_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("AML_MODEL_DC_STORAGE_ENABLED", "true")
    monkeypatch.setenv("AML_MODEL_DC_BOUNDARY", "hour")
    inputs = ModelDataCollector("m", "inputs", ["x", "y"], workspace="S/G/W", model_version=3)
    told = inputs.collect(np.array([[1, 2], [3, 4]]))
    assert told is not None
    hour = told["$aml_dc_scoring_timestamp"][:13].replace("-", "/").replace("T", "/")
    path = tmp_path / "modeldata/s/g/w/default/m/3/inputs" / hour / "inputs.csv"
    assert len(path.read_text().splitlines()) == 3
    general = ModelDataCollector("m", collection_name="mine")
    assert general.collect(pd.DataFrame({"z": [1.5, 2.5]})) is None
    (path,) = tmp_path.glob("modeldata/default/**/general/**/mine.csv")
    assert path.read_text().splitlines() == ["z", "1.5", "2.5"]
    with pytest.warns(UserWarning, match="collect failed"):
        general.collect({"a": 1})
    late = pd.DataFrame({"z": [1], "$aml_dc_scoring_timestamp": ["2020-02-03T04:05:06"]})
    labels = ModelDataCollector("m", "labels")
    labels.collect(late)
    (path,) = tmp_path.glob("modeldata/**/labels/**/labels.csv")
    assert "/2020/02/03/" in str(path)
    evil = late.assign(**{"$aml_model_name": "../../../../evil"})
    labels.collect(evil)
    assert not list(tmp_path.parent.glob("**/evil"))
    assert json.dumps(told)
