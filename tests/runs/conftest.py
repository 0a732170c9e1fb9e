"""Notebooks written on the spot, and a way to run them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from mlmagic.runs import RunResult, run_notebook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PYTHON = {"display_name": "Python 3", "language": "python", "name": "python3"}


@pytest.fixture
def write_notebook(tmp_path: Path) -> Callable[..., Path]:
    """Write a notebook of code cells; a cell may be a pair of source and tags."""

    def write(*cells: str | tuple[str, list[str]], kernel: dict[str, str] | None = PYTHON) -> Path:
        document = nbformat.v4.new_notebook(metadata={"kernelspec": kernel} if kernel else {})
        for cell in cells:
            source, tags = (cell, []) if isinstance(cell, str) else cell
            document.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": tags}))
        path = tmp_path / "work.ipynb"
        nbformat.write(document, path)
        return path

    return write


@pytest.fixture
def run(write_notebook: Callable[..., Path]) -> Callable[..., RunResult]:
    """Run code cells as a notebook."""

    def run_cells(*cells: str | tuple[str, list[str]], **options: Any) -> RunResult:
        return run_notebook(write_notebook(*cells), **options)

    return run_cells
