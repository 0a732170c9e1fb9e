"""Notebooks that run unattended: parameters in; notebook, result file and exit code out."""

from mlmagic.runs.notebook import run_notebook
from mlmagic.runs.parameters import parse_value
from mlmagic.runs.quickstart import write_quickstart
from mlmagic.runs.result import Cleanup, RunResult

__all__ = ["Cleanup", "RunResult", "parse_value", "run_notebook", "write_quickstart"]
