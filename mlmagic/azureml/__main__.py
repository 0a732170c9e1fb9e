"""``python -m mlmagic.azureml script.py [ARGUMENTS]``: run a script of Azure ML v1, unchanged."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from mlmagic.azureml.finder import provide
from mlmagic.errors import MlmagicError

_USAGE = "usage: python -m mlmagic.azureml SCRIPT [ARGUMENTS]"


def main(arguments: list[str]) -> None:
    """Run a script as ``python SCRIPT ARGUMENTS`` would."""
    if not arguments or arguments[0] in {"-h", "--help"}:
        sys.stdout.write(f"{_USAGE}\n")
        sys.exit(0 if arguments else 2)
    script = Path(arguments[0])
    if not script.is_file():
        sys.exit(f"error: the script '{script}' does not exist.")
    try:
        provide()
    except MlmagicError as error:
        sys.exit(f"error: {error}")
    sys.argv[:] = arguments
    sys.path[0] = str(script.resolve().parent)
    runpy.run_path(str(script), run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
