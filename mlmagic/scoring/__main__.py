"""``python -m mlmagic.scoring``."""

from __future__ import annotations

import sys


def _forget_current_folder() -> None:
    """Keep modules of the user's folder from replacing those that the server imports.

    ``python -m`` puts the current folder first on the path; the user's folders
    are put there again just before the entry script is imported.
    """
    if not sys.flags.safe_path and sys.path:
        del sys.path[0]


if __name__ == "__main__":
    _forget_current_folder()
    from mlmagic.scoring.command import main

    sys.exit(main())
