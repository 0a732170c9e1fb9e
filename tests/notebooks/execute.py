"""Write the outputs of the notebooks anew: ``python -m tests.notebooks.execute [NAME ...]``."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat

from mlmagic.files import write_atomically
from mlmagic.runs import run_notebook

FOLDER = Path(__file__).parents[2] / "notebooks"


def refresh(path: Path) -> None:
    """Execute one notebook in a workspace of its own, and keep the outputs."""
    with tempfile.TemporaryDirectory(prefix="mlmagic-notebooks-") as scratch:
        copy = Path(scratch) / "notebooks"
        shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("*.py", "*.executed.ipynb"))
        result = run_notebook(copy / path.name, progress=_say, cleanup="always")
        _say(result.summary())
        if result.exit_code:
            raise SystemExit(result.exit_code)
        executed = nbformat.read(result.output, as_version=4)
    for cell in executed.cells:
        tidy(cell)
    executed.metadata = nbformat.read(path, as_version=4).metadata
    text = nbformat.writes(executed).replace(sys.prefix, ".venv")  # this machine is nobody's matter
    write_atomically(path, text.replace(str(Path(scratch)), "…") + "\n")


def tidy(cell: Any) -> None:
    """Leave out what only the run itself is interested in."""
    for name in ("papermill", "execution"):
        cell.metadata.pop(name, None)
    if not cell.metadata.get("tags"):
        cell.metadata.pop("tags", None)
    if cell.cell_type == "code":
        cell.outputs = join_streams(cell.outputs)


def join_streams(outputs: list[Any]) -> list[Any]:
    """Make one output of the pieces in which a stream arrived."""
    joined: list[Any] = []
    for output in outputs:
        if joined and output.get("name") and output.get("name") == joined[-1].get("name"):
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(path.stem for path in FOLDER.glob("0*.ipynb")):
        if not name.endswith(".executed"):
            refresh(FOLDER / f"{name}.ipynb")
