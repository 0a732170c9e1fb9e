"""Rows to collect, from what scripts have: lists, arrays, data frames."""

from __future__ import annotations

import csv
import io
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Table:
    """Rows with or without a header.

    Args:
        header: Names of the columns; None where nobody knows them.
        rows: Their values.
    """

    def __init__(self, header: Sequence[str] | None, rows: Sequence[Sequence[Any]]) -> None:
        self._header = list(header) if header is not None else None
        self._rows = [list(row) for row in rows]

    def append(self, columns: dict[str, Any]) -> None:
        """Add columns that have the same value in each row."""
        if self._header is not None:
            self._header += [name for name in columns if name not in self._header]
        for row in self._rows:
            row.extend(columns.values())

    def text(self, *, with_header: bool = True) -> str:
        """Return it as CSV."""
        stream = io.StringIO()
        writer = csv.writer(stream)
        if with_header and self._header is not None:
            writer.writerow(self._header)
        writer.writerows(self._rows)
        return stream.getvalue()

    def parts(self, choose: Callable[[dict[str, Any]], str]) -> Iterator[tuple[str, Table]]:
        """Part the rows by what is chosen for each."""
        found: dict[str, list[list[Any]]] = {}
        for row in self._rows:
            named = dict(zip(self._header or (), row, strict=False))
            own = {name: value for name, value in named.items() if name.startswith("$aml_")}
            found.setdefault(choose(own), []).append(row)
        for choice, rows in found.items():
            yield choice, Table(self._header, rows)


def table_of(data: Any, features: Sequence[str] | None) -> Table | None:
    """Return the rows of what v1 accepts; None for anything else."""
    if isinstance(data, list):
        return Table(features, [data])
    frame = _frame(data)
    if frame is not None:
        return Table([str(name) for name in frame.columns], frame.to_numpy().tolist())
    if _is_array(data):
        return Table(features, [data.tolist()] if data.ndim == 1 else data.tolist())
    return None


def with_columns(data: Any, columns: dict[str, Any]) -> Any:
    """Return data of the same type with more columns."""
    if isinstance(data, list):
        return [*data, *columns.values()]
    frame = _frame(data)
    if frame is not None:
        return frame.assign(**columns)
    if _is_array(data):
        import numpy as np

        rows = np.atleast_2d(data)
        added = np.array([list(columns.values())] * len(rows), dtype=object)
        return np.append(rows, added, axis=1)
    return data


def _frame(data: Any) -> Any:
    """Return a pandas frame, also for one of Spark's; None for anything else."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        return data
    return data.toPandas() if "pyspark" in sys.modules and hasattr(data, "toPandas") else None


def _is_array(data: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(data, numpy.ndarray)
