"""``python -m mlmagic.targets.kubernetes FOLDER``: carries a deployment out."""

from __future__ import annotations

import sys
from pathlib import Path

from mlmagic.targets.kubernetes.deployment import run

if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
