"""The Azure ML SDK v1's shape over the verbs of mlmagic.

``%load_ext mlmagic.azureml`` in a notebook, or ``python -m mlmagic.azureml script.py``, and code
written for that SDK runs unchanged: a workspace is a folder, services run on targets of mlmagic.
Every module can be imported by its full name too: ``from mlmagic.azureml.core import Workspace``.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_OF_V1 = re.compile(r"\baz\s+ml\b|\binstall\b.*\bazureml-", re.DOTALL)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Let unchanged v1 code import, and add the magics (``%load_ext mlmagic.azureml``)."""
    from mlmagic.azureml.finder import provide

    provide()
    shell.run_line_magic("load_ext", "mlmagic")
    if shutil.which("mlmagic") is None:  # JupyterLab was started without activating its environment
        searched = os.environ.get("PATH", os.defpath)
        os.environ["PATH"] = f"{searched}{os.pathsep}{Path(sys.executable).parent}"
    if _for_ours not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(_for_ours)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Let v1's names be unknown again."""
    from mlmagic.azureml.finder import withdraw

    withdraw()
    shell.input_transformers_cleanup[:] = [
        each for each in shell.input_transformers_cleanup if each is not _for_ours
    ]


def _for_ours(lines: list[str]) -> list[str]:
    """Let a cell's lines of ``az ml`` run ours, and not install the cloud's SDK over it."""
    text = "".join(lines)
    if not _OF_V1.search(text):
        return lines
    from mlmagic.azureml.importing.writing import cell_of_ours

    new = cell_of_ours(text, command="mlmagic --as-az", refused=True, on_removal=_tell)
    return new.splitlines(keepends=True)


@cache  # once: IPython transforms a cell while it is typed, too
def _tell(package: str) -> None:
    print(f"'{package}' is not installed: mlmagic takes its place.", file=sys.stderr)
