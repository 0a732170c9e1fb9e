import json

import numpy as np

VALUES = {
    "nan": lambda: float("nan"),
    "infinity": lambda: [float("inf"), float("-inf")],
    "big": lambda: 2**200,
    "negative": lambda: -(2**63) - 1,
    "none": lambda: None,
    "true": lambda: True,
    "text": lambda: "plain text",
    "unicode": lambda: {"é": "\U0001f600", "control": "\x00\x7f\u2028"},
    "surrogate": lambda: "\ud800",
    "tuple": lambda: (1, (2, 3)),
    "keys": lambda: {1: "a", None: "b", True: "c", 1.5: "d"},
    "floats": lambda: [0.1, 1e300, 1e-300, 5e-324, 1.0, -0.0, 1e16, 123456789.123456789],
    "empty": lambda: [{}, [], "", 0],
    "deep": lambda: json.loads("[" * 200 + "]" * 200),
    "set": lambda: {1},
    "array": lambda: np.arange(3),
    "scalar": lambda: np.float64(1.5),
    "numpy_int": lambda: np.int64(1),
    "bad_key": lambda: {(1, 2): 3},
    "generator_inside": lambda: {"x": (i for i in range(3))},
    "exception": lambda: ValueError("returned"),
    "object": lambda: object(),
    "json_text": lambda: json.dumps({"a": 1}),
    "dict_subclass": lambda: type("D", (dict,), {})(a=1),
    "int_subclass": lambda: type("I", (int,), {})(7),
}


def init():
    pass


def run(name):
    return VALUES[name]()
