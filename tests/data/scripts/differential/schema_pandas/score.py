import pandas as pd
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.schema_decorators import input_schema, output_schema

sample = pd.DataFrame([{"age": 41, "name": "Ann", "since": pd.Timestamp("2020-01-02")}])


def init():
    pass


@input_schema("table", PandasParameterType(sample))
@output_schema(PandasParameterType(pd.DataFrame([{"age": 42}])))
def run(table):
    return {"ages": (table["age"] + 1).tolist(), "names": table["name"].tolist(), "columns": list(table.columns)}
