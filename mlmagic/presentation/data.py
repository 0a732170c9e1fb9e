"""The JSON form of results, and the output formats of ``-o``."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, datetime
from enum import Enum
from typing import Any

from mlmagic.errors import MissingDependencyError, UsageError

# Properties that belong to the JSON form, beside those that a class names in V1_KEYS.
_COMPUTED = ("id", "size", "short", "ok", "healthy")


def to_data(value: Any) -> Any:
    """Turn a result into what JSON can hold.

    Fields become camelCase, as in Azure ML v1; the keys of users' own mappings stay.
    """
    if hasattr(value, "snapshot"):
        return _with_v1_keys(value.snapshot())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {_camel(name): to_data(getattr(value, name)) for name in _names(value)}
    if isinstance(value, dict):
        return {str(key): to_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_data(item) for item in value]
    return _scalar(value)


def v1_error(state: str, reason: str, message: str) -> dict[str, Any] | None:
    """Return why a service failed, in v1's shape; None where it did not."""
    if state not in {"Failed", "Unschedulable"}:
        return None
    return {
        "code": "DeploymentFailed",
        "statusCode": 400,
        "message": "Deployment request failed.",
        "details": [{"code": reason, "message": message}],
    }


def _with_v1_keys(service: dict[str, Any]) -> dict[str, Any]:
    return service | {
        "authEnabled": service["auth"] == "key",
        "numReplicas": service["replicasWanted"],
        "error": v1_error(service["state"], service["reason"], service["message"]),
    }


def _names(value: Any) -> list[str]:
    fields = [field.name for field in dataclasses.fields(value)]
    kind = type(value)
    computed = [n for n in _COMPUTED if isinstance(getattr(kind, n, None), property)]
    return [*fields, *computed, *getattr(kind, "V1_KEYS", ())]


def _scalar(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    convert = getattr(value, "tolist", None)  # arrays and scalars of numeric libraries
    return to_data(convert()) if convert else str(value)


def write(data: Any, kind: str, *, query: str | None = None) -> str:
    """Write the JSON form in one of the output formats.

    Args:
        data: The JSON form.
        kind: ``json``, ``jsonc``, ``yaml``, ``yamlc``, ``tsv`` or ``none``.
        query: A JMESPath expression to apply first.

    Raises:
        UsageError: The query is not JMESPath, or asks something of values of another type.
    """
    data = select(data, query) if query else data
    if kind == "none":
        return ""
    if kind in {"yaml", "yamlc"}:
        return _yaml(data)
    if kind == "tsv":
        return _tsv(data)
    return json.dumps(data, indent=2, ensure_ascii=False)


def select(data: Any, query: str) -> Any:
    """Apply a JMESPath expression.

    Raises:
        UsageError: It is none, or asks something of values of another type.
    """
    import jmespath
    from jmespath.exceptions import JMESPathError, JMESPathTypeError

    try:
        return jmespath.search(query, data)
    except (JMESPathError, TypeError, ValueError) as error:
        told = " ".join(str(error).split())
        # Comparisons of a text and a number, and some functions, fail as Python's own do.
        if isinstance(error, JMESPathError) and not isinstance(error, JMESPathTypeError):
            raise UsageError(f"The query '{query}' is not JMESPath: {told}") from None
        raise UsageError(
            f"The query '{query}' does not fit the types of what it reads: {told}.",
            hint="Look at the whole with '-o json'; to_number(FIELD) and to_string(FIELD) convert.",
        ) from None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def _yaml(data: Any) -> str:
    try:
        import yaml
    except ImportError:
        raise MissingDependencyError(
            "The format 'yaml' needs PyYAML.", hint="Run: pip install pyyaml."
        ) from None
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return text.removesuffix("...\n").rstrip("\n")


def _tsv(data: Any) -> str:
    rows = data if isinstance(data, list) else [data]
    return "\n".join("\t".join(_cell(cell) for cell in _cells(row)) for row in rows)


def _cells(row: Any) -> list[Any]:
    if isinstance(row, dict):
        return list(row.values())
    return row if isinstance(row, list) else [row]


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return " ".join(value.split())
    return "" if value is None else json.dumps(value, ensure_ascii=False)
