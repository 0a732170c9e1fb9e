"""ONNX models: the files beside them that their tensors lie in.

A model is a message of Protocol Buffers; the fields that lead to tensors are followed, all others
are skipped, so nothing but a few names is held in memory.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from mlmagic.registry.inspection import protobuf
from mlmagic.registry.inspection.findings import Finding
from mlmagic.registry.inspection.zips import leads_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEEPEST = 64
_LONGEST_NAME = 4096

# Of each message the fields that lead to tensors (numbers of onnx.proto).
_ENTRY: dict[int, Any] = {}
_TENSOR: dict[int, Any] = {13: _ENTRY}
_SPARSE: dict[int, Any] = {1: _TENSOR, 2: _TENSOR}
_ATTRIBUTE: dict[int, Any] = {5: _TENSOR, 10: _TENSOR, 22: _SPARSE, 23: _SPARSE}
_NODE: dict[int, Any] = {5: _ATTRIBUTE}
_GRAPH: dict[int, Any] = {1: _NODE, 5: _TENSOR, 15: _SPARSE}
_ATTRIBUTE |= {6: _GRAPH, 11: _GRAPH}
_FUNCTION: dict[int, Any] = {7: _NODE, 11: _ATTRIBUTE}
_TRAINING: dict[int, Any] = {1: _GRAPH, 2: _GRAPH}
_MODEL: dict[int, Any] = {7: _GRAPH, 20: _TRAINING, 25: _FUNCTION}


def scan(stream: IO[bytes], size: int, name: str) -> tuple[list[str], list[Finding]]:
    """Find the files that the tensors of a model lie in.

    Returns:
        Those beside the model, by their names in the registry; and what needs trust.
    """
    try:
        places = dict.fromkeys(_places(stream, size, _MODEL, 0))
    except ValueError as error:
        return [], [Finding(name="ONNX", file=name, why=f"it cannot be read to its end ({error})")]
    beside, findings = [], []
    for place in places:
        if leads_out(place):
            why = "its tensors lie in a file outside the model's folder"
            findings.append(Finding(name=place, file=name, why=why))
        else:
            beside.append(str(PurePosixPath(name).parent / place))
    return beside, findings


def _places(stream: IO[bytes], end: int, fields: Mapping[int, Any], depth: int) -> Iterator[str]:
    """Walk over one message, up to a byte of the stream."""
    if depth > _DEEPEST:
        raise ValueError(f"graphs lie more than {_DEEPEST} deep in one another")
    entry = {1: b"", 2: b""}
    for field in protobuf.fields(stream, end):
        if fields is _ENTRY:
            length = min(field.end - stream.tell(), _LONGEST_NAME)
            entry[field.number] = stream.read(length)
        elif field.is_long and field.number in fields:
            yield from _places(stream, field.end, fields[field.number], depth + 1)
    if entry[1] == b"location":
        yield entry[2].decode("utf-8", "replace")
