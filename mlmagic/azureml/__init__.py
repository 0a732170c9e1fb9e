"""The Azure ML SDK v1's shape over the verbs of mlmagic.

``%load_ext mlmagic.azureml`` in a notebook, or ``python -m mlmagic.azureml script.py``, and code
written for that SDK runs unchanged: a workspace is a folder, services run on targets of mlmagic.
Every module can be imported by its full name too: ``from mlmagic.azureml.core import Workspace``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Let unchanged v1 code import, and add the magics (``%load_ext mlmagic.azureml``)."""
    from mlmagic.azureml.finder import provide

    provide()
    shell.run_line_magic("load_ext", "mlmagic")


def unload_ipython_extension(_shell: InteractiveShell) -> None:
    """Let v1's names be unknown again."""
    from mlmagic.azureml.finder import withdraw

    withdraw()
