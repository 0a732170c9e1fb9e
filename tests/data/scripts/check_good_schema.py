import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema

sample = np.array([[1.0, 2.0]])


def init(verbose=False):
    pass


@input_schema("data", NumpyParameterType(sample))
@input_schema("factor", NumpyParameterType(sample))
@output_schema(NumpyParameterType(sample))
def run(data, factor):
    return (data * factor).tolist()
