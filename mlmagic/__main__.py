"""``python -m mlmagic``."""

import sys

from mlmagic.cli.command import main

sys.exit(main())
