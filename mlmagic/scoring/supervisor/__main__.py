"""``python -m mlmagic.scoring.supervisor STATE_DIR``."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the current folder: its modules must not replace the standard ones
    from mlmagic.scoring.supervisor.command import main

    sys.exit(main(sys.argv[1:]))
