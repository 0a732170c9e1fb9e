from pathlib import Path

import onnx
from onnx import TensorProto, helper

Path("models").mkdir()
nodes = [
    helper.make_node("Gemm", ["rows", "weights", "bias"], ["scores"]),
    helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0),
]
graph = helper.make_graph(
    nodes,
    "linear",
    [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, 3])],
    [
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 2]),
        helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
    ],
    [
        helper.make_tensor("weights", TensorProto.FLOAT, [3, 2], [1, -1, 0.5, 2, -0.25, 0]),
        helper.make_tensor("bias", TensorProto.FLOAT, [2], [0.125, -1]),
    ],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, "models/model.onnx")
