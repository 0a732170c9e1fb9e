"""Services as containers of a Docker engine; the client is imported when it is first used."""

from mlmagic.targets.docker.target import DockerTarget

__all__ = ["DockerTarget"]
