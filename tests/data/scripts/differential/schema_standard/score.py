import datetime

from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    pass


@input_schema("count", StandardPythonParameterType(3))
@input_schema("ratio", StandardPythonParameterType(0.5))
@input_schema("when", StandardPythonParameterType(datetime.date(2020, 1, 31)), optional=True)
@input_schema("names", StandardPythonParameterType(["a"]))
@output_schema(StandardPythonParameterType({"total": 1.5}))
def run(count, ratio, names, when=None):
    return {"total": count * ratio, "names": names, "when": str(when), "types": [type(x).__name__ for x in (count, ratio, names)]}
