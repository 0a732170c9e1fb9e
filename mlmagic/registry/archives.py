"""skops archives in one canonical form: two dumps of an equal estimator have one digest.

skops writes the memory addresses of objects (as node ids and as names of arrays), random names
for byte strings, and the time of day into its zip. Here the ids become numbers in order of
appearance, members are named by their content, and the times are fixed. The archive stays one
that skops reads.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import Any

# Nodes of values that cannot change: whether two of them were one object in memory is an accident
# of the interpreter (interned strings, small integers), not a property of the estimator.
_VALUES = frozenset(
    ("JsonNode", "TypeNode", "FunctionNode", "BytesNode", "TupleNode", "DTypeNode", "SliceNode")
)

_EPOCH = (1980, 1, 1, 0, 0, 0)


def canonical(data: bytes) -> tuple[bytes, set[str]]:
    """Bring a skops archive to its canonical form.

    Args:
        data: What ``skops.io.dumps`` wrote.

    Returns:
        The canonical archive, and the modules of the types it holds.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members.pop("schema.json"))
    form = _Form(members)
    schema = form.node(schema)
    members = {form.names[name]: content for name, content in members.items()}
    members["schema.json"] = json.dumps(schema, separators=(",", ":")).encode()
    return _write(members), form.modules


class _Form:
    """One walk over the tree of nodes."""

    def __init__(self, members: dict[str, bytes]) -> None:
        self.names = {name: _content_name(name, content) for name, content in members.items()}
        self.modules: set[str] = set()
        self._ids: dict[int, int] = {}
        self._last = 0

    def node(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.node(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "__loader__" not in value:
            return {key: self.node(_settled(key, item)) for key, item in value.items()}
        return self._typed(value)

    def _typed(self, node: dict[str, Any]) -> dict[str, Any]:
        self.modules.add(str(node.get("__module__")))
        known = node.get("__id__") in self._ids
        if node["__loader__"] == "SetNode":
            # The order of a set follows the hash seed of the process.
            node = {**node, "content": sorted(node["content"], key=self._value)}
        done = {key: self.node(item) for key, item in node.items() if key != "__id__"}
        if node.get("file") in self.names:
            done["file"] = self.names[node["file"]]
        if "__id__" in node:
            done["__id__"] = self._number(node, known=known)
        return done

    def _number(self, node: dict[str, Any], *, known: bool) -> int:
        if known and node["__loader__"] not in _VALUES:
            return self._ids[node["__id__"]]
        self._last += 1
        self._ids[node["__id__"]] = self._last
        return self._last

    def _value(self, node: Any) -> str:
        """A text that is equal for equal values."""

        def strip(value: Any) -> Any:
            if isinstance(value, list):
                return [strip(item) for item in value]
            if isinstance(value, dict):
                return {key: strip(item) for key, item in value.items() if key != "__id__"}
            return self.names.get(value, value) if isinstance(value, str) else value

        return json.dumps(strip(node), sort_keys=True)


def _settled(key: str, node: Any) -> Any:
    """Drop the address that text vectorizers remember their stop words by; they look anew."""
    if key == "_stop_words_id" and isinstance(node, dict):
        return {**node, "content": "null"}
    return node


def _content_name(name: str, content: bytes) -> str:
    suffix = name.rpartition(".")[2]
    return f"{hashlib.sha256(content).hexdigest()[:32]}.{suffix}"


def _write(members: dict[str, bytes]) -> bytes:
    # Not compressed: what zlib writes differs from build to build.
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(members.items()):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()
