"""Every verb of mlmagic as one method of `Workspace`."""

from mlmagic.workspace.workspace import Workspace

__all__ = ["Workspace"]
