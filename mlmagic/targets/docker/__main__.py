"""``python -m mlmagic.targets.docker FOLDER``: carries a deployment out."""

from __future__ import annotations

import sys
from pathlib import Path

from mlmagic.targets.docker.deployment import run

if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
