"""TensorFlow's SavedModel: what its graphs do besides computing, and what it takes and gives.

A file ``saved_model.pb`` is a message of Protocol Buffers. The names of the operators are read, of
the graph and of its functions; weights and attributes are skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import IO, Any

from mlmagic.registry.inspection import keras_models, protobuf
from mlmagic.registry.inspection.findings import Finding

NAME, TEXT, KERAS = "saved_model.pb", "saved_model.pbtxt", "keras_metadata.pb"
_LONGEST = 1024  # bytes of a name that is read
_LARGEST = 64 << 20  # bytes of Keras' configuration of one layer
_MANY = 256  # inputs or outputs that are told
_ACTS = {
    "it runs Python": r"(Eager)?PyFunc(Stateless)?",
    "it reads files": (
        r"ReadFile|MatchingFiles|ImmutableConst|RecordInput|Skipgram|FixedUnigramCandidateSampler"
        r"|(WholeFile|TextLine|TFRecord|FixedLengthRecord|LMDB|Snapshot(Nested)?Dataset)Reader(V2)?"
        r"|(Experimental)?(TextLine|TFRecord|FixedLengthRecord|CSV|Sql|LMDB|Load|MatchingFiles"
        r"|(List)?SnapshotChunks?)Dataset(V\d)?"
        r"|InitializeTableFromTextFile(V2)?|LoadAndRemapMatrix|GenerateVocabRemapping"
        r"|(Decode|Encode)Proto(V2)?|InitializeTRTResource"
    ),
    "it writes files": (
        r"WriteFile|PrintV2|(Experimental)?((Save|Snapshot|Cache)Dataset(V\d)?|DatasetToTFRecord)"
        r"|DistributedSave|SerializeTRTResource|Create\w*SummaryFileWriter|CreateSummaryDbWriter"
        r"|Debug\w+"
    ),
    "it reaches other machines": (
        r"(Experimental)?(DataService|Register)Dataset(V\d)?|Rpc\w*|TryRpc|RemoteCall"
        r"|BigQueryReader|FileSystemSetConfiguration"
    ),
    "it reads or writes a checkpoint outside the parts that save and restore": (
        r"Save(V2|Slices)?|(DTensor)?Restore(V2|Slice)?|MergeV2Checkpoints"
    ),
}
# Every SavedModel has these, to save and to restore its weights. Its author chooses the names, and
# what its saver points to as well, so this keeps nobody out who knows it: docs/models.md says so.
_CHECKPOINTS = re.compile(r"__inference_+traced_(save|restore)\w*|(\w+/)*save(_\d+)?/.*")
_TYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "str",
    8: "complex64", 9: "int64", 10: "bool", 14: "bfloat16", 17: "uint16", 18: "complex128",
    19: "float16", 22: "uint32", 23: "uint64",
}  # fmt: skip
_PLAIN_VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(kw_only=True)
class SavedModel:
    """What a SavedModel says of itself.

    Attributes:
        findings: What needs trust.
        schema: Inputs and outputs of the signature that is served, as MLflow tells them.
        facts: Version and tags.
        requirements: The TensorFlow that wrote it.
    """

    findings: list[Finding] = field(default_factory=list)
    schema: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()


def scan(stream: IO[bytes], size: int, name: str) -> SavedModel:
    """Look through all graphs of a ``saved_model.pb``."""
    found = SavedModel()
    operators: dict[str, str] = {}
    signatures: dict[str, dict[str, Any]] = {}
    try:
        for part in protobuf.fields(stream, size):
            if part.number == 2 and part.is_long:  # noqa: PLR2004 - meta_graphs
                _meta_graph(stream, part.end, operators, signatures, found.facts)
    except ValueError as error:
        why = f"it cannot be read to its end ({error})"
        found.findings.append(Finding(name="SavedModel", file=name, why=why))
    found.findings += [Finding(name=op, file=name, why=why) for op, why in operators.items()]
    served = signatures.get("serving_default") or next(iter(signatures.values()), {})
    found.schema = {key: told for key, told in served.items() if told}
    found.facts["signatures"] = ", ".join(signatures)
    found.facts = {key: value for key, value in found.facts.items() if value}
    version = found.facts.get("TensorFlow", "")
    if _PLAIN_VERSION.fullmatch(version):
        found.requirements = (f"tensorflow=={version}",)
    return found


def scan_keras(stream: IO[bytes], size: int, name: str) -> list[Finding]:
    """Look through the configurations of layers in a ``keras_metadata.pb``."""
    findings: list[Finding] = []
    try:
        for node in protobuf.fields(stream, size):
            if node.number != 1 or not node.is_long:
                continue
            for part in protobuf.fields(stream, node.end):
                length = part.end - stream.tell()
                if part.number == 5 and part.is_long and length:  # noqa: PLR2004 - metadata
                    if length > _LARGEST:
                        raise ValueError(f"a configuration of {length} bytes")
                    findings += keras_models.scan_configuration(stream.read(length), name)
    except ValueError as error:
        why = f"it cannot be read to its end ({error})"
        findings.append(Finding(name="Keras metadata", file=name, why=why))
    return findings


def refuse_text(name: str) -> Finding:
    """Refuse the textual form, which TensorFlow reads where it finds no other."""
    return Finding(name=TEXT, file=name, why="a SavedModel in its textual form is not inspected")


def _meta_graph(
    stream: IO[bytes],
    end: int,
    operators: dict[str, str],
    signatures: dict[str, dict[str, Any]],
    facts: dict[str, str],
) -> None:
    for part in protobuf.fields(stream, end):
        if part.number == 1 and part.is_long:
            tags = []
            for fact in protobuf.fields(stream, part.end):
                if fact.number == 4:  # noqa: PLR2004 - tags
                    tags.append(_text(stream, fact))
                elif fact.number == 5:  # noqa: PLR2004 - tensorflow_version
                    facts["TensorFlow"] = _text(stream, fact)
            facts["tags"] = ", ".join(filter(None, (facts.get("tags"), *tags)))
        elif part.number == 2 and part.is_long:  # noqa: PLR2004 - graph_def
            _graph(stream, part.end, operators)
        elif part.number == 5 and part.is_long:  # noqa: PLR2004 - signature_def
            name, told = _entry(stream, part.end, _signature)
            signatures[name] = told or {}


def _graph(stream: IO[bytes], end: int, operators: dict[str, str]) -> None:
    for part in protobuf.fields(stream, end):
        if part.number == 1 and part.is_long:
            _node(stream, part.end, operators, "")
        elif part.number == 2 and part.is_long:  # noqa: PLR2004 - library
            for function in protobuf.fields(stream, part.end):
                if function.number == 1 and function.is_long:
                    _function(stream, function.end, operators)


def _function(stream: IO[bytes], end: int, operators: dict[str, str]) -> None:
    name = ""
    for part in protobuf.fields(stream, end):
        if part.number == 1 and part.is_long:
            for fact in protobuf.fields(stream, part.end):
                if fact.number == 1:
                    name = _text(stream, fact)
        elif part.number == 3 and part.is_long:  # noqa: PLR2004 - node_def
            _node(stream, part.end, operators, name)


def _node(stream: IO[bytes], end: int, operators: dict[str, str], function: str) -> None:
    name = operator = ""
    for part in protobuf.fields(stream, end):
        if part.number == 1:
            name = _text(stream, part)
        elif part.number == 2:  # noqa: PLR2004 - op
            operator = _text(stream, part)
    if operator in operators:
        return
    why = next((why for why, acts in _ACTS.items() if re.fullmatch(acts, operator)), "")
    if why and not ("checkpoint" in why and _CHECKPOINTS.fullmatch(function or name)):
        operators[operator] = why


def _signature(stream: IO[bytes], end: int) -> dict[str, Any]:
    told: dict[str, list[Any]] = {"inputs": [], "outputs": []}
    for part in protobuf.fields(stream, end):
        kind = {1: "inputs", 2: "outputs"}.get(part.number)
        if kind is not None and part.is_long and len(told[kind]) < _MANY:
            name, spec = _entry(stream, part.end, _tensor)
            told[kind].append({"name": name, "type": "tensor", "tensor-spec": spec or {}})
    return told


def _tensor(stream: IO[bytes], end: int) -> dict[str, Any]:
    kind, shape = "", list[int]()
    for part in protobuf.fields(stream, end):
        if part.number == 2:  # noqa: PLR2004 - dtype
            kind = _TYPES.get(part.value, f"{part.value}")
        elif part.number == 3 and part.is_long:  # noqa: PLR2004 - tensor_shape
            for dim in protobuf.fields(stream, part.end):
                if dim.number == 2 and dim.is_long and len(shape) < _MANY:  # noqa: PLR2004 - dim
                    sizes = [d.signed for d in protobuf.fields(stream, dim.end) if d.number == 1]
                    shape.append(sizes[0] if sizes else 0)
    return {"dtype": kind, "shape": shape}


def _entry(stream: IO[bytes], end: int, read: Any) -> tuple[str, Any]:
    """Read one pair of a map."""
    key, value = "", None
    for part in protobuf.fields(stream, end):
        if part.number == 1:
            key = _text(stream, part)
        elif part.number == 2 and part.is_long:  # noqa: PLR2004 - the value
            value = read(stream, part.end)
    return key, value


def _text(stream: IO[bytes], part: protobuf.Field) -> str:
    length = min(part.end - stream.tell(), _LONGEST)
    return stream.read(length).decode("utf-8", "replace") if part.is_long else ""
