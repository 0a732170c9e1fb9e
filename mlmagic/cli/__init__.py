"""The command ``mlmagic``: the verbs of the workspace in a shell."""

from mlmagic.cli.command import main

__all__ = ["main"]
