import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema("data", NumpyParameterType(np.array([[1, 2]]), enforce_shape=False, enforce_column_type=False))
@input_schema("flag", NumpyParameterType(np.array([True])))
def run(data, flag, request_headers):
    return [data.tolist(), flag.tolist(), "Host" in request_headers]
