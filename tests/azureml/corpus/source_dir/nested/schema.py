import json
import os

from azureml.core.model import Model
from azureml.monitoring import ModelDataCollector
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    global text, extra, collector
    with open(Model.get_model_path("hello")) as stream:
        text = stream.read()
    # The working directory holds the source directory.
    with open("./source_dir/nested/extra.json") as stream:
        extra = json.load(stream)
    collector = ModelDataCollector("hello", designation="inputs", feature_names=["a", "b"])


@input_schema("data", StandardPythonParameterType([[1.0, 2.0]]))
@output_schema(StandardPythonParameterType({"sums": [3.0]}))
def run(data, request_headers):
    collector.collect(data)
    return {
        "sums": [sum(row) for row in data],
        "text": text,
        "extra": extra,
        "type": request_headers["Content-Type"],
        "greeting": os.environ.get("GREETING"),
    }
