"""Scripts with the real inference-schema package."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.scoring.conftest import RunningServer, environment, needs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = needs("inference_schema", "numpy", "pandas")
SCRIPT = """
import numpy as np, pandas as pd
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType

def init(): pass

@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
@input_schema("frame", PandasParameterType(pd.DataFrame({"a": [1], "b": ["x"]})), optional=True)
@input_schema("nested", StandardPythonParameterType({
    "array": NumpyParameterType(np.array([1, 2])), "plain": StandardPythonParameterType("x"),
}), optional=True)
@output_schema(StandardPythonParameterType({"sum": 3.0}))
def run(data, frame=None, nested=None, request_headers=None):
    return {
        "sum": float(data.sum()), "type": type(data).__name__, "dtype": str(data.dtype),
        "frame": None if frame is None else sorted(frame.columns),
        "nested": None if nested is None else type(nested["array"]).__name__,
        "header": request_headers.get("X-Mine"),
    }
"""
POWER_BI = """
import pandas as pd
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType

frame = PandasParameterType(pd.DataFrame({"age": [1], "name": ["x"]}), enforce_shape=False)
def init(): pass

@input_schema("Inputs", StandardPythonParameterType({"WebServiceInput0": frame}))
@input_schema("GlobalParameters", StandardPythonParameterType(1.0))
@output_schema(StandardPythonParameterType({"Results": {"WebServiceOutput0": frame}}))
def run(Inputs, GlobalParameters=2.0):
    ages = Inputs["WebServiceInput0"]["age"] * GlobalParameters
    return {"Results": {"WebServiceOutput0": [{"age": age} for age in ages]}}
"""


@pytest.fixture(scope="module")
def decorated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("decorated")
    (folder / "score.py").write_text(SCRIPT)
    server = RunningServer(str(folder / "score.py"), folder)
    yield server.ready()
    server.close()


def post(server: RunningServer, value: Any, content_type: str = "application/json") -> Any:
    body = value if isinstance(value, str | bytes) else json.dumps(value)
    return server.ask(body=body, Content_Type=content_type)


def test_values_are_converted(decorated: RunningServer) -> None:
    body = {
        "data": [[1, 2], [3, 4]],
        "frame": [{"a": 1, "b": "y"}],
        "nested": {"array": [1], "plain": "z"},
        "unknown": 1,
    }
    answer = decorated.ask(body=json.dumps(body), Content_Type="application/json", X_Mine="1")
    assert answer.json == {
        "sum": 10.0,
        "type": "ndarray",
        "dtype": "float64",
        "frame": ["a", "b"],
        "nested": "ndarray",
        "header": "1",
    }


def test_query(decorated: RunningServer) -> None:
    answer = decorated.ask("GET", "/score?data=%5B%5B1,2%5D%5D&x=1")
    assert (answer.status, answer.json["sum"]) == (200, 3.0)
    answer = decorated.ask("GET", "/score")
    assert answer.json == {"message": "A value is not provided for the 'data' parameter."}


@pytest.mark.parametrize(
    ("body", "content_type", "status", "message"),
    [
        ('{"data": [[1, 2]]}', "text/plain", 415, "Expects Content-Type to be application/json"),
        ("", "text/plain", 415, "Expects Content-Type to be application/json"),
        ("", "application/json", 400, "POST body is empty. Expecting a JSON dictionary."),
        ("[1]", "application/json", 400, "POST body should be a JSON dictionary."),
        (
            "{",
            "application/json; charset=utf-8",
            400,
            (
                "POST body could not be decoded as JSON: Expecting property name enclosed in"
                " double quotes: line 1 column 2 (char 1)"
            ),
        ),
        ("{}", "application/json", 400, "A value is not provided for the 'data' parameter."),
        (
            '{"Data": 1}',
            "application/x+json",
            400,
            "A value is not provided for the 'data' parameter.",
        ),
    ],
)
def test_refusals(
    decorated: RunningServer, body: str, content_type: str, status: int, message: str
) -> None:
    answer = post(decorated, body, content_type)
    assert (answer.status, answer.json) == (status, {"message": message})
    assert answer.headers["x-ms-run-function-failed"] == "False"
    assert answer.headers["x-ms-run-fn-exec-ms"] is None


@pytest.mark.parametrize("data", ["text", [["a", "b"]], [[1.0, 2.0, 3.0]]])
def test_conversion_errors_are_those_of_the_script(decorated: RunningServer, data: Any) -> None:
    answer = post(decorated, {"data": data})
    assert answer.status == 500
    assert answer.headers["x-ms-run-function-failed"] == "True"


def test_documents(decorated: RunningServer) -> None:
    two = decorated.ask("GET", "/swagger.json").json
    taken = two["definitions"]["ServiceInput"]
    assert set(taken["properties"]) == {"data", "frame", "nested", "request_headers"}
    assert taken["example"]["data"] == [[1.0, 2.0]]
    assert two["definitions"]["ServiceOutput"]["example"] == {"sum": 3.0}
    three = decorated.ask("GET", "/swagger.json?version=3.1").json
    assert three["components"]["schemas"]["ServiceInput"] == taken


def test_mixed_arrays_have_no_version_2(serve_source: Callable[..., RunningServer]) -> None:
    server = serve_source(
        """
        from inference_schema.schema_decorators import input_schema
        from inference_schema.parameter_types.standard_py_parameter_type import (
            StandardPythonParameterType,
        )
        def init(): pass
        @input_schema("data", StandardPythonParameterType([1, "two"]))
        def run(data): return data
        """
    ).ready()
    answer = server.ask("GET", "/swagger.json")
    assert answer.status == 404
    assert answer.json["message"] == (
        "Swagger version [2] is not supported for the scoring script."
        " Supported swagger versions: [3, 3.1]."
    )
    assert server.ask("GET", "/swagger.json?version=3").status == 200


def test_power_bi_shape(serve_source: Callable[..., RunningServer]) -> None:
    server = serve_source(POWER_BI).ready()
    body = {
        "Inputs": {"WebServiceInput0": [{"age": 3, "name": "a"}, {"age": 4, "name": "b"}]},
        "GlobalParameters": 3.0,
    }
    rows = post(server, body).json["Results"]["WebServiceOutput0"]
    assert rows == [{"age": 9.0}, {"age": 12.0}]
    body["inputs"] = body.pop("Inputs")
    answer = post(server, body)
    assert answer.json == {"message": "A value is not provided for the 'Inputs' parameter."}


def test_raw_and_schema_exclude_each_other(serve_source: Callable[..., RunningServer]) -> None:
    source = "from azureml.contrib.services.aml_request import rawhttp\n" + SCRIPT.replace(
        "def run", "@rawhttp\ndef run", 1
    )
    status = serve_source(source, "--check").failed()
    assert status["reason"] == "ScriptContractError"
    assert "both @rawhttp and @input_schema" in status["message"]


def test_driver_of_v1(serve_source: Callable[..., RunningServer], tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "theirs.py").write_text(SCRIPT)
    server = serve_source(
        """
        import theirs as driver_module
        def init(): driver_module.init()
        def run(*args): return driver_module.run(*args)
        """
    ).ready()
    assert post(server, {"data": [[1, 2]]}).json["sum"] == 3.0


def test_check_scores_the_example(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(POWER_BI)
    command = [sys.executable, "-m", "mlmagic.scoring", "--check", "score.py"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(), cwd=tmp_path, check=True
    )
    assert 'ms -> {"Results": {"WebServiceOutput0": [{"age": 1.0}]}}' in done.stdout


SPARK = """
from inference_schema.parameter_types.spark_parameter_type import SparkParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
sample = spark.createDataFrame([("a", 1, 1.5)], ["name", "n", "price"])


def init():
    pass


@input_schema("data", SparkParameterType(sample))
@output_schema(StandardPythonParameterType([1]))
def run(data):
    return [[row["name"], row["n"], row["price"]] for row in data.collect()]
"""


@pytest.mark.skipif(importlib.util.find_spec("pyspark") is not None, reason="pyspark is there")
def test_spark_types_need_pyspark(serve_source: Callable[..., RunningServer]) -> None:
    status = serve_source(SPARK).failed()
    assert status["reason"] == "ScriptImportFailed"
    assert "No module named 'pyspark'" in status["message"]


@needs("pyspark")
def test_spark_types(serve_source: Callable[..., RunningServer]) -> None:
    server = serve_source(SPARK).ready()
    body = json.dumps({"data": [{"name": "x", "n": 3, "price": 2.25}]})
    assert server.ask(body=body, Content_Type="application/json").json == [["x", 3, 2.25]]
    document = server.ask("GET", "/swagger.json?version=3").json
    columns = document["components"]["schemas"]["ServiceInput"]["properties"]["data"]["items"]
    assert columns["properties"]["n"] == {"type": "integer", "format": "int64"}
