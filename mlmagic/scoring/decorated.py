"""Scripts that use the inference-schema package.

The package is the user's: it converts and validates inside the decorated run(). Here its
parameters are only picked from the request, and its schemas are read.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.call import Call, Refusal, read_object

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_VERSIONS = {"2.0": "2", "3.0": "3", "3.1": "3.1"}


def is_decorated(run: Callable[..., Any]) -> bool:
    """Whether run() has @input_schema or @output_schema."""
    if "inference_schema" not in sys.modules:
        return False
    from inference_schema.schema_util import is_schema_decorated

    try:
        return bool(is_schema_decorated(run))
    except ValueError:  # it looks into a cell that is still empty
        return False


class DecoratedReader:
    """Takes each argument by name from a JSON object or the query.

    Args:
        parameters: Those of run(), without ``request_headers``.
    """

    takes_any_method = False

    def __init__(self, parameters: Sequence[inspect.Parameter]) -> None:
        self._defaults = {each.name: each.default for each in parameters}
        names = ", ".join(f"'{name}'" for name in self._defaults)
        self.kind = f"{names} of the request's JSON object, converted by inference-schema"

    def read(self, call: Call) -> dict[str, Any]:
        """Pick the arguments; other keys are ignored."""
        values = read_object(call)
        return {name: _pick(values, name, default) for name, default in self._defaults.items()}


def _pick(values: dict[str, Any], name: str, default: Any) -> Any:
    value = values.get(name, default)
    if value is inspect.Parameter.empty:
        raise Refusal(400, f"A value is not provided for the {name!r} parameter.")
    return value


def schemas(run: Callable[..., Any]) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Return the schemas of input and output, and the versions that can hold them."""
    from inference_schema.schema_util import (
        get_input_schema,
        get_output_schema,
        get_supported_versions,
    )

    versions = [_VERSIONS[each] for each in get_supported_versions(run) if each in _VERSIONS]
    return get_input_schema(run), get_output_schema(run), versions
