"""SavedModels and GGUF files: what they tell, and what they may not hold; no library is needed.

The messages are written here byte by byte, by the numbers of TensorFlow's and ggml's definitions;
two files that the libraries themselves wrote lie in ``tests/data/models``, beside how.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from mlmagic.errors import UnsafeModelError
from mlmagic.registry.inspection import saved_models

WRITTEN = Path(__file__).parents[2] / "data" / "models"


def test_a_saved_model_that_tensorflow_wrote(registry):
    model = registry.register(WRITTEN / "saved_model", name="net").model
    assert (model.framework, model.requirements) == ("tensorflow", ("tensorflow==2.21.0",))
    assert model.facts["tags"] == "serve"
    assert "serving_default" in model.facts["signatures"]
    spec = {"dtype": "float32", "shape": [-1, 2]}
    assert model.schema["inputs"] == [{"name": "rows", "type": "tensor", "tensor-spec": spec}]
    assert model.schema["outputs"] == [{"name": "scaled", "type": "tensor", "tensor-spec": spec}]


def test_a_gguf_file_that_ggml_wrote(registry):
    model = registry.register(WRITTEN / "tiny.gguf", name="net").model
    assert (model.framework, model.loader) == ("gguf", None)
    assert model.facts == {
        "architecture": "llama", "name": "tiny", "licence": "mit", "quantisation": "Q8_0",
        "context length": "32", "tensors": "2", "parameters": "128",
    }  # fmt: skip


def number(value):
    """A varint."""
    out = bytearray()
    value &= (1 << 64) - 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def message(*parts):
    """Fields: a number and an int, a text, or a message."""
    out = b""
    for at, value in parts:
        if isinstance(value, int):
            out += number(at << 3) + number(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += number(at << 3 | 2) + number(len(data)) + data
    return out


def tensor(kind, *shape):
    return message((1, "x:0"), (2, kind), (3, message(*((2, message((1, n))) for n in shape))))


def saved_model(*operators, function="__inference_call_1"):
    nodes = [(1, message((1, f"n{i}"), (2, op))) for i, op in enumerate(operators[:1])]
    inner = [(3, message((1, f"m{i}"), (2, op))) for i, op in enumerate(operators[1:])]
    library = message((1, message((1, message((1, function))), *inner)))
    signature = message(
        (1, message((1, "images"), (2, tensor(1, -1, 28, 28)))),
        (2, message((1, "label"), (2, tensor(9, -1)))),
        (3, "tensorflow/serving/predict"),
    )
    graph = message(
        (1, message((4, "serve"), (5, "2.16.1"))),
        (2, message(*nodes, (2, library))),
        (5, message((1, "__saved_model_init_op"), (2, message()))),
        (5, message((1, "serving_default"), (2, signature))),
    )
    return message((1, 1), (2, graph))


@pytest.fixture
def net(tmp_path):
    (tmp_path / "net" / "variables").mkdir(parents=True)
    (tmp_path / "net" / "variables" / "variables.index").write_bytes(b"\0\0")
    return tmp_path / "net"


def test_a_saved_model_is_recognised(registry, net):
    (net / "saved_model.pb").write_bytes(
        saved_model("Placeholder", "MatMul", "StatefulPartitionedCall")
    )
    model = registry.register(net, name="net").model
    assert model.framework == "tensorflow"
    assert model.requirements == ("tensorflow==2.16.1",)
    assert model.facts == {
        "TensorFlow": "2.16.1",
        "tags": "serve",
        "signatures": "__saved_model_init_op, serving_default",
    }
    spec = {"dtype": "float32", "shape": [-1, 28, 28]}
    assert model.schema["inputs"] == [{"name": "images", "type": "tensor", "tensor-spec": spec}]
    assert model.schema["outputs"][0]["tensor-spec"] == {"dtype": "int64", "shape": [-1]}


@pytest.mark.parametrize(
    ("operators", "why"),
    [
        (("PyFunc",), "'PyFunc' in .*: it runs Python"),
        (("Const", "EagerPyFunc"), "'EagerPyFunc' .*it runs Python"),
        (("Const", "ReadFile"), "'ReadFile' .*it reads files"),
        (("WriteFile",), "'WriteFile' .*it writes files"),
        (("PrintV2",), "'PrintV2' .*it writes files"),
        (("InitializeTableFromTextFileV2",), "it reads files"),
        (("TFRecordDataset",), "it reads files"),
        (("DebugIdentityV2",), "it writes files"),
        (("Const", "SaveV2"), "'SaveV2' .*a checkpoint outside the parts"),
    ],
)
def test_operators_that_do_more_than_compute_need_trust(registry, net, operators, why):
    (net / "saved_model.pb").write_bytes(saved_model(*operators))
    with pytest.raises(UnsafeModelError, match=why):
        registry.register(net, name="net")
    assert registry.register(net, name="net", trust="ours").model.framework == "tensorflow"


@pytest.mark.parametrize(
    ("operator", "why"),
    [
        ("DatasetToTFRecord", "it writes files"),
        ("ExperimentalDatasetToTFRecord", "it writes files"),
        ("DistributedSave", "it writes files"),
        ("SerializeTRTResource", "it writes files"),
        ("ExperimentalCSVDataset", "it reads files"),
        ("ExperimentalSqlDataset", "it reads files"),
        ("ExperimentalLMDBDataset", "it reads files"),
        ("ExperimentalMatchingFilesDataset", "it reads files"),
        ("SnapshotChunkDataset", "it reads files"),
        ("SnapshotNestedDatasetReader", "it reads files"),
        ("RecordInput", "it reads files"),
        ("Skipgram", "it reads files"),
        ("FixedUnigramCandidateSampler", "it reads files"),
        ("DecodeProtoV2", "it reads files"),
        ("InitializeTRTResource", "it reads files"),
        ("BigQueryReader", "it reaches other machines"),
        ("DTensorRestoreV2", "a checkpoint outside the parts"),
        ("TFRecordDatasetV2", "it reads files"),
        ("ListSnapshotChunksDataset", "it reads files"),
    ],
)
def test_operators_of_each_sort_are_known(operator, why):
    data = saved_model("Const", operator)
    found = saved_models.scan(io.BytesIO(data), len(data), "saved_model.pb")
    assert [finding.name for finding in found.findings] == [operator]
    assert why in found.findings[0].why


def test_operators_that_only_compute_are_none_of_them():
    data = saved_model("Const", "ParallelMapDatasetV2", "ExperimentalUniqueDataset", "RestoreX")
    assert saved_models.scan(io.BytesIO(data), len(data), "saved_model.pb").findings == []


def test_what_every_saved_model_has_is_no_danger(registry, net):
    saver = saved_model("Placeholder", "SaveV2", "RestoreV2", function="__inference__traced_save_9")
    (net / "saved_model.pb").write_bytes(saver)
    assert registry.register(net, name="net").model.loader is None


def test_saved_models_that_cannot_be_read_need_trust(registry, net):
    whole = saved_model("Placeholder", "MatMul")
    (net / "saved_model.pb").write_bytes(whole[:-9])
    with pytest.raises(UnsafeModelError, match="cannot be read to its end"):
        registry.register(net, name="net")
    (net / "saved_model.pb").unlink()
    (net / "saved_model.pbtxt").write_text("saved_model_schema_version: 1")
    with pytest.raises(UnsafeModelError, match="textual form is not inspected"):
        registry.register(net, name="net")


def test_layers_of_keras_that_hold_code_need_trust(registry, net):
    (net / "saved_model.pb").write_bytes(saved_model("Placeholder"))
    dense = '{"class_name": "Dense", "config": {}, "save_spec": {"class_name": "__tuple__"}}'
    lambda_ = '{"class_name": "Lambda", "config": {"function": "4wEAAA=="}}'
    layers = [(1, message((2, 1), (3, "root"), (5, dense)))]
    (net / "keras_metadata.pb").write_bytes(message(*layers))
    assert registry.register(net, name="net").model.framework == "tensorflow"
    (net / "keras_metadata.pb").write_bytes(message(*layers, (1, message((5, lambda_)))))
    with pytest.raises(UnsafeModelError, match=r"'Lambda' .*holds code"):
        registry.register(net, name="net")


def text(value, length=None):
    data = value.encode()
    return struct.pack("<Q", len(data) if length is None else length) + data


def pair(key, kind, data):
    return text(key) + struct.pack("<I", kind) + data


def described(name, shape, kind, offset):
    dims = b"".join(struct.pack("<Q", n) for n in shape)
    return text(name) + struct.pack("<I", len(shape)) + dims + struct.pack("<IQ", kind, offset)


ARCHITECTURE = pair("general.architecture", 8, text("llama"))


def gguf(pairs=(ARCHITECTURE,), tensors=(), data=b"", **claimed):
    counts = claimed.get("tensors", len(tensors)), claimed.get("pairs", len(pairs))
    head = b"GGUF" + struct.pack("<IQQ", claimed.get("version", 3), *counts)
    head += b"".join(pairs) + b"".join(tensors)
    return head + b"\0" * (-len(head) % 32) + data


def test_a_gguf_file_is_recognised(registry, tmp_path):
    pairs = [
        ARCHITECTURE,
        pair("general.name", 8, text("tiny")),
        pair("general.license", 8, text("mit")),
        pair("general.file_type", 4, struct.pack("<I", 1)),
        pair("llama.context_length", 4, struct.pack("<I", 4096)),
        pair("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 2) + text("a") + text("b")),
        pair("tokenizer.ggml.scores", 9, struct.pack("<IQ", 6, 2) + b"\0" * 8),
        pair("tokenizer.chat_template", 8, text("{% for m in messages %}{{ m['content'] }}")),
    ]
    weights = [described("w", (4, 4), 1, 0), described("b", (4,), 0, 32)]
    (tmp_path / "tiny.gguf").write_bytes(gguf(pairs, weights, b"\0" * 48))
    model = registry.register(tmp_path / "tiny.gguf", name="tiny").model
    assert (model.framework, model.loader) == ("gguf", None)
    assert model.facts == {
        "architecture": "llama", "name": "tiny", "licence": "mit", "quantisation": "F16",
        "context length": "4096", "tensors": "2", "parameters": "20",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (gguf(version=9), "the version 9 is not known"),
        (gguf(pairs=[], tensors=[])[:12], "claims 8 bytes"),
        (gguf(tensors=()) .replace(struct.pack("<QQ", 0, 1), struct.pack("<QQ", 2**60, 1)),
         r"\d+ tensors, 1 pairs claims \d+ bytes"),
        (gguf([text("key", 2**63)]), "a key claims 9223372036854775808 bytes"),
        (gguf([pair("k", 8, text("x", 2**40))]), "the value of 'k' claims 1099511627776 bytes"),
        (gguf([pair("k", 9, struct.pack("<IQ", 4, 2**62))]), "the value of 'k' claims"),
        (gguf([pair("k", 9, struct.pack("<IQ", 8, 2**40))]), "claims 1099511627776 texts"),
        (gguf([pair("k", 9, struct.pack("<IQ", 9, 1))]), "an array of the type 9"),
        (gguf([pair("k", 77, b"")]), "the unknown type 77"),
        (gguf([ARCHITECTURE, ARCHITECTURE]), "'general.architecture' comes twice"),
        (gguf([pair("general.alignment", 4, struct.pack("<I", 0))]), "the alignment '0'"),
        (gguf(tensors=[described("w", (1,) * 9, 0, 0)]), "'w' has 9 dimensions"),
        (gguf(tensors=[described("w", (2**33, 2**33), 2, 0)]), "a tensor claims"),
        (gguf(tensors=[described("w", (4,), 0, 2**40)]), "claims 16 bytes or more, and 0 follow"),
        (gguf([pair("tokenizer.chat_template", 8, text("{{ x.__class__.__base__ }}"))]),
         "the template reaches into Python"),
        (gguf([pair("tokenizer.chat_template", 8, text("{{ x|attr('\\x5f') }}"))]),
         "the template reaches into Python"),
    ],
)  # fmt: skip
def test_headers_that_lie_need_trust(registry, tmp_path, data, why):
    (tmp_path / "bad.gguf").write_bytes(data)
    with pytest.raises(UnsafeModelError, match=why):
        registry.register(tmp_path / "bad.gguf", name="bad")
    assert registry.list() == []
