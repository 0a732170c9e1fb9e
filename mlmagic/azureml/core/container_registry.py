"""``azureml.core.container_registry``."""

from __future__ import annotations

from mlmagic.azureml.coverage import refused_class


class ContainerRegistry:
    """A registry of images: its address, and who signs in there."""

    address: str | None
    username: str | None
    password: str | None
    registry_identity: object

    def __init__(self) -> None:
        self.address = self.username = self.password = self.registry_identity = None

    def __repr__(self) -> str:
        return f"ContainerRegistry(address={self.address!r}, username={self.username!r})"


RegistryIdentity = refused_class("RegistryIdentity", "Sign in with 'docker login'.")
