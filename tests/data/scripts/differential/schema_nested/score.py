import pandas as pd
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema
import numpy as np

tables = {
    "input1": PandasParameterType(pd.DataFrame({"x": [1.0], "y": ["a"]})),
    "input2": NumpyParameterType(np.array([[1, 2]])),
    "plain": StandardPythonParameterType(1),
}


def init():
    pass


@input_schema("GlobalParameters", StandardPythonParameterType(1.0))
@input_schema("Inputs", StandardPythonParameterType(tables))
@output_schema(StandardPythonParameterType({"Results": StandardPythonParameterType([0.0])}))
def run(Inputs, GlobalParameters):
    frame, array = Inputs["input1"], Inputs["input2"]
    return {"Results": [float(frame["x"].sum() + array.sum()) * GlobalParameters, type(frame).__name__, type(array).__name__]}
