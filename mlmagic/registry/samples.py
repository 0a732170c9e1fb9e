"""A sample input as the body of a test request."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

from mlmagic.errors import RegistryError


@dataclass(frozen=True)
class SampleBody:
    """A sample, before its body is stored."""

    kind: Literal["dataframe", "array", "json", "bytes"]
    shape: tuple[int, ...]
    body: bytes


def read_sample(value: Any) -> SampleBody:
    """Turn what the user gave into a request body.

    A data frame becomes ``{"data": [records]}``, an array ``{"data": [[…]]}``; bytes stay as
    they are; anything else must be a JSON value. Missing numbers become ``null``, dates ISO 8601.

    Raises:
        RegistryError: The value cannot be written as JSON.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return SampleBody("bytes", (), bytes(value))
    kind = _kind(value)
    if kind == "dataframe":
        return SampleBody("dataframe", tuple(value.shape), _json({"data": _records(value)}))
    if kind == "array":
        return SampleBody("array", tuple(value.shape), _json({"data": value.tolist()}))
    return SampleBody("json", (), _json(value))


def _kind(value: Any) -> Literal["dataframe", "array", "json"]:
    """Tell by shape of the class, so that neither pandas nor numpy is imported."""
    names = {f"{cls.__module__.partition('.')[0]}.{cls.__name__}" for cls in type(value).__mro__}
    if names & {"pandas.DataFrame", "polars.DataFrame"}:
        return "dataframe"
    if names & {"numpy.ndarray", "pandas.Series", "pandas.Index"}:
        return "array"
    return "json"


def _records(frame: Any) -> list[dict[str, Any]]:
    columns = [str(name) for name in frame.columns]
    doubles = sorted({name for name in columns if columns.count(name) > 1})
    if doubles:
        raise RegistryError(
            f"The sample has more than one column named '{doubles[0]}'.",
            hint="Give the columns different names.",
        )
    rows = (
        frame.itertuples(index=False, name=None) if hasattr(frame, "itertuples") else frame.rows()
    )
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _json(value: Any) -> bytes:
    try:
        text = json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise RegistryError(
            f"The sample cannot be written as JSON: {error}.",
            hint="Give a data frame, an array, a JSON value or bytes.",
        ) from error
    return text.encode()


def _plain(value: Any) -> Any:
    """Turn values of numpy, pandas and datetime into those of JSON."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        # numpy scalars, arrays inside lists and object columns, pandas series
        return _plain(value.tolist())
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, timedelta | datetime | date | time):
        return value.total_seconds() if isinstance(value, timedelta) else value.isoformat()
    raise TypeError(f"a value of type '{type(value).__name__}' has no JSON form")
