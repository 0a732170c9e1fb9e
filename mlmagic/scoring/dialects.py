"""JSON Schema as 3.1 has it, said in the words of older versions."""

from __future__ import annotations

from typing import Any

_NULL = {"type": "null"}
_UNKNOWN_BEFORE_31 = ("$defs", "$schema", "title", "prefixItems", "contentEncoding")


def downgrade(schema: dict[str, Any], version: str) -> dict[str, Any]:
    """Return a schema for version 2, 3 or 3.1 of the descriptions."""
    return schema if version == "3.1" else _older(schema, version)


def _older(schema: dict[str, Any], version: str) -> dict[str, Any]:
    schema = _without_null(schema, "x-nullable" if version == "2" else "nullable")
    found = {name: value for name, value in schema.items() if name not in _UNKNOWN_BEFORE_31}
    if "const" in found:
        found["enum"] = [found.pop("const")]
    for name in ("exclusiveMinimum", "exclusiveMaximum"):
        if name in found:
            found[name.replace("exclusiveM", "m")] = found[name]
            found[name] = True
    if "anyOf" in found:
        if version == "2":  # it cannot say so: anything
            found.pop("anyOf")
        else:
            found["anyOf"] = [_older(each, version) for each in found["anyOf"]]
    if found.get("type") == "array":
        found["items"] = _older(found.get("items") or {}, version)
    if "properties" in found:
        found["properties"] = {
            name: _older(each, version) for name, each in found["properties"].items()
        }
    if isinstance(found.get("additionalProperties"), dict):
        found["additionalProperties"] = _older(found["additionalProperties"], version)
    return found


def _without_null(schema: dict[str, Any], word: str) -> dict[str, Any]:
    """Say "or null" by a word of its own."""
    choices = schema.get("anyOf", ())
    if _NULL in choices:
        rest = [each for each in choices if each != _NULL]
        others = {name: value for name, value in schema.items() if name != "anyOf"}
        only = rest[0] if len(rest) == 1 else {"anyOf": rest}
        return {**others, **only, word: True}
    if schema.get("type") == "null":
        return {name: value for name, value in schema.items() if name != "type"} | {word: True}
    return schema


def inlined(schema: Any, definitions: dict[str, Any], below: tuple[str, ...] = ()) -> Any:
    """Put definitions where they are referred to; one that refers to itself stays open."""
    if isinstance(schema, list):
        return [inlined(each, definitions, below) for each in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        if name in below or name not in definitions:
            return {"type": "object"}
        return inlined(definitions[name], definitions, (*below, name))
    return {
        name: inlined(value, definitions, below)
        for name, value in schema.items()
        if name != "$defs"
    }
