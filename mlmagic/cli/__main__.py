"""``python -m mlmagic.cli``."""

import sys

from mlmagic.cli.command import main

sys.exit(main())
