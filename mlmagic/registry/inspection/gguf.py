"""GGUF files of llama.cpp: their header has to fit the file, and their template be no program.

What readers in C have trusted - counts, lengths, dimensions, offsets - is checked here before any
of them sees the file. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import re
import struct
from typing import IO, Any

from mlmagic.registry.inspection.findings import Finding

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q"} | {
    12: "d"
}
_STRING, _ARRAY = 8, 9
# The least that a pair, and the description of a tensor, take.
_LEAST_PAIR, _LEAST_TENSOR = 13, 32
_LONGEST_KEY, _LONGEST_NAME, _MOST_DIMENSIONS = 65_535, 1024, 4
_MOST_TEXTS = 8 << 20  # of one array: vocabularies have less than a million
_LONGEST_TEXT = 1 << 20
# Bits of one number, of types that have no blocks; no other has less than the last.
_BITS = {0: 32, 1: 16, 24: 8, 25: 16, 26: 32, 27: 64, 28: 64, 30: 16}
_LEAST_BITS = 1.5
_ALIGNMENT = 32
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K",
    11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S",
    17: "Q5_K_M", 18: "Q6_K", 32: "BF16",
}  # fmt: skip
# Templates are programs of Jinja, which some readers run without a sandbox.
_TEMPLATE = re.compile(r"__\w+|\\x5f|\\u005f|\|\s*attr\b|\b(lipsum|cycler|joiner)\b", re.IGNORECASE)


def scan(stream: IO[bytes], size: int, name: str) -> tuple[list[Finding], dict[str, str]]:
    """Check a header.

    Returns:
        What needs trust, and what the file says of itself.
    """
    reader = _Reader(stream, size)
    try:
        told, tensors, parameters = _header(reader)
    except (ValueError, struct.error, OverflowError) as error:
        return [Finding(name="GGUF header", file=name, why=f"{error}")], {}
    findings = [
        Finding(name=key, file=name, why=f"the template reaches into Python ('{bad[0]}')")
        for key, value in told.items()
        if "chat_template" in key and (bad := _TEMPLATE.search(str(value)))
    ]
    kind = told.get("general.file_type")
    architecture = str(told.get("general.architecture", ""))
    facts = {
        "architecture": architecture,
        "name": told.get("general.name"),
        "licence": told.get("general.license"),
        "quantisation": _FILE_TYPES.get(kind, f"type {kind}") if isinstance(kind, int) else None,
        "context length": told.get(f"{architecture}.context_length"),
        "tensors": tensors,
        "parameters": parameters,
    }
    return findings, {key: f"{value}"[:200] for key, value in facts.items() if value is not None}


class _Reader:
    """Reads no more than there is.

    Args:
        stream: At its start.
        size: How many bytes it has.
    """

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self.size = size
        self.at = 0
        self.order = "<"

    @property
    def left(self) -> int:
        return self.size - self.at

    def take(self, length: int, what: str) -> bytes:
        self.claim(length, what)
        self.at += length
        return self._stream.read(length)

    def skip(self, length: int, what: str) -> None:
        self.claim(length, what)
        self.at += length
        self._stream.seek(self.at)

    def claim(self, length: int, what: str) -> None:
        if length > self.left:
            raise ValueError(f"{what} claims {length} bytes, and {self.left} follow")

    def number(self, form: str) -> int:
        form = self.order + form
        return int(struct.unpack(form, self.take(struct.calcsize(form), "a number"))[0])

    def text(self, longest: int, what: str) -> str:
        length = self.number("Q")
        if length > longest:
            raise ValueError(f"{what} claims {length} bytes, above the {longest} that are read")
        return self.take(length, what).decode("utf-8", "replace")


def _header(reader: _Reader) -> tuple[dict[str, Any], int, int]:
    reader.take(len(MAGIC), "the magic")
    version = reader.number("I")
    if version >> 16 and not version & 0xFFFF:
        reader.order = ">"
        version = int.from_bytes(version.to_bytes(4, "little"), "big")
    if version not in _VERSIONS:
        raise ValueError(f"the version {version} is not known")
    tensors, pairs = reader.number("Q"), reader.number("Q")
    reader.claim(tensors * _LEAST_TENSOR + pairs * _LEAST_PAIR, f"{tensors} tensors, {pairs} pairs")
    told: dict[str, Any] = {}
    for _ in range(pairs):
        key = reader.text(_LONGEST_KEY, "a key")
        if key in told:
            raise ValueError(f"the key '{key}' comes twice")
        told[key] = _value(reader, reader.number("I"), f"the value of '{key}'")
    alignment = told.get("general.alignment", _ALIGNMENT)
    if not isinstance(alignment, int) or alignment <= 0 or alignment % 8:
        raise ValueError(f"the alignment '{alignment}'")
    described = [_tensor(reader) for _ in range(tensors)]
    begin = math.ceil(reader.at / alignment) * alignment
    for count, kind, offset in described:
        wanted = math.ceil(count * _BITS.get(kind, _LEAST_BITS) / 8)
        there = reader.size - begin - offset
        if wanted > there:
            raise ValueError(f"a tensor claims {wanted} bytes or more, and {max(there, 0)} follow")
    return told, tensors, sum(count for count, _, _ in described)


def _value(reader: _Reader, kind: int, what: str) -> Any:
    if kind in _SIZES:
        data = reader.take(_SIZES[kind], what)
        return struct.unpack(reader.order + _FORMATS[kind], data)[0]
    if kind == _STRING:
        return reader.text(_LONGEST_TEXT, what)
    if kind != _ARRAY:
        raise ValueError(f"{what} is of the unknown type {kind}")
    inner, count = reader.number("I"), reader.number("Q")
    if inner in _SIZES:
        reader.skip(count * _SIZES[inner], what)
    elif inner == _STRING:
        if count > _MOST_TEXTS:
            raise ValueError(f"{what} claims {count} texts, above the {_MOST_TEXTS} that are read")
        for _ in range(count):
            reader.skip(reader.number("Q"), what)
    else:
        raise ValueError(f"{what} is an array of the type {inner}")
    return None


def _tensor(reader: _Reader) -> tuple[int, int, int]:
    name = reader.text(_LONGEST_NAME, "the name of a tensor")
    dimensions = reader.number("I")
    if dimensions > _MOST_DIMENSIONS:
        raise ValueError(f"the tensor '{name}' has {dimensions} dimensions")
    count = math.prod(reader.number("Q") for _ in range(dimensions))
    return count, reader.number("I"), reader.number("Q")
