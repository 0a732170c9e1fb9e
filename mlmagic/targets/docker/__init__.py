"""Services as containers of a Docker engine; the client is imported when it is first used.

The target is loaded when it is first used: the process of a deployment does without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.laziness import lazily

if TYPE_CHECKING:
    from mlmagic.targets.docker.target import DockerTarget

__all__ = ["DockerTarget"]


__getattr__, __dir__ = lazily(__name__, {"DockerTarget": "target"})
