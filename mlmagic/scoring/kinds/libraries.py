"""Types of libraries that the script brings: NumPy, pandas, pydantic, msgspec."""

from __future__ import annotations

from typing import Any, get_args

from mlmagic.scoring.dialects import inlined
from mlmagic.scoring.kinds.kind import Kind, MismatchError

_ITEMS = {"i": "integer", "u": "integer", "f": "number", "b": "boolean"}


class Array(Kind):
    """A NumPy array, of nested lists of equal length.

    Args:
        dtype: Type of the items; None takes what NumPy finds.
    """

    def __init__(self, dtype: Any = None) -> None:
        self.dtype = dtype

    def read(self, value: Any) -> Any:
        """Convert nested lists."""
        import numpy as np

        if not isinstance(value, list):
            raise MismatchError("an array of items", value)
        try:
            found = np.asarray(value, dtype=self.dtype)
        except (ValueError, TypeError, OverflowError) as error:
            raise MismatchError(f"an array ({error})", value) from error
        if found.dtype == object:
            raise MismatchError("an array with rows of one length and values of one type", value)
        return found

    def schema(self) -> dict[str, Any]:
        """Tell an array; its depth is not known."""
        import numpy as np

        item = _ITEMS.get(np.dtype(self.dtype).kind) if self.dtype is not None else None
        told = {"type": "array", "format": "numpy.ndarray"}
        if item is None:
            return told | {"items": {}}
        return told | {"items": {"anyOf": [{"type": item}, {"type": "array", "items": {}}]}}


class Frame(Kind):
    """A pandas data frame, of records, or of an object of columns."""

    def read(self, value: Any) -> Any:
        """Make a data frame; ``orient="split"`` is known by its names."""
        import pandas as pd

        if not isinstance(value, dict) and not _are_rows(value):
            raise MismatchError("an array of records, or an object of columns", value)
        try:
            if isinstance(value, dict) and {"columns", "data"} <= value.keys():
                return pd.DataFrame(value["data"], value.get("index"), value["columns"])
            return pd.DataFrame(value)
        except Exception as error:  # pandas raises what its depths raise
            raise MismatchError(f"a data frame ({error})", value) from error

    def schema(self) -> dict[str, Any]:
        """Tell records."""
        told = {"type": "array", "format": "pandas.DataFrame:records"}
        return told | {"items": {"type": "object"}}


def _are_rows(value: Any) -> bool:
    """Whether a value is records, or lists of one length."""
    if not isinstance(value, list):
        return False
    if all(isinstance(row, dict) for row in value):
        return True
    return all(isinstance(row, list) and len(row) == len(value[0]) for row in value)


class Pydantic(Kind):
    """A pydantic model, or another type that pydantic validates."""

    def __init__(self, annotation: Any) -> None:
        from pydantic import TypeAdapter

        self._adapter: Any = TypeAdapter(annotation)

    def read(self, value: Any) -> Any:
        """Validate; the first thing that is wrong is told."""
        from pydantic import ValidationError

        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            first = error.errors()[0]
            place = tuple(
                f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"]
            )
            words = f"something else ({first['msg']})"
            raise MismatchError(words, first["input"], place) from error

    def schema(self) -> dict[str, Any]:
        """Return pydantic's own."""
        schema = self._adapter.json_schema()
        found: dict[str, Any] = inlined(schema, schema.get("$defs", {}))
        return found


class Msgspec(Kind):
    """A msgspec Struct."""

    def __init__(self, annotation: Any) -> None:
        self._annotation = annotation

    def read(self, value: Any) -> Any:
        """Convert it."""
        import msgspec

        try:
            return msgspec.convert(value, self._annotation)
        except msgspec.ValidationError as error:
            text, _, place = str(error).partition(" - at `$")
            raise MismatchError(f"something else ({text})", value, (place.rstrip("`"),)) from error

    def schema(self) -> dict[str, Any]:
        """Return msgspec's own."""
        import msgspec

        schema = msgspec.json.schema(self._annotation)
        found: dict[str, Any] = inlined(schema, schema.get("$defs", {}))
        return found


def dtype_of(annotation: Any) -> Any:
    """Return the item type of ``NDArray[float64]``; None where the annotation names none."""
    import numpy as np

    for argument in get_args(annotation):
        for inner in (argument, *get_args(argument)):
            if isinstance(inner, type) and issubclass(inner, np.generic):
                return inner
    return None
