"""What a script takes and gives, for the service's description."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.decorated import DecoratedReader, schemas

if TYPE_CHECKING:
    from mlmagic.scoring.entry import EntryScript

VERSIONS = ("2", "3", "3.1")


@dataclass(frozen=True)
class Example:
    """A request that was scored, and the answer."""

    request: bytes
    answer: bytes


@dataclass(frozen=True)
class Contract:
    """Schemas of a script.

    Attributes:
        input: Of the request.
        output: Of the answer.
        versions: Descriptions that can hold them.
        is_ready_made: Whether they suit each version as they are.
    """

    input: dict[str, Any]
    output: dict[str, Any]
    versions: tuple[str, ...] = VERSIONS
    is_ready_made: bool = True


def contract_of(script: EntryScript, example: Example | None) -> Contract:
    """Read the schemas off a script; the scored sample is the example where it has none."""
    if isinstance(script.reader, DecoratedReader):
        taken, given, versions = schemas(script.run)
        return Contract(taken, given, tuple(versions))
    request = _value(example.request if example else b"")
    answer = _value(example.answer if example else b"")
    described: Any = script.reader
    if hasattr(described, "schema"):  # annotated; the module is not imported for others
        taken, given = described.schema(), described.output
        if example is not None:
            taken, given = taken | {"example": request}, given | {"example": answer}
        return Contract(taken, given, is_ready_made=False)
    return Contract(_object(request), _object(answer))


def _object(example: Any) -> dict[str, Any]:
    """Describe what is not described: an object, as v1 says, unless the example is none."""
    return (
        {"type": "object", "example": example}
        if isinstance(example, dict)
        else {"example": example}
    )


def _value(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {}
