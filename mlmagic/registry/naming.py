"""The rules for model names, and references such as ``iris:3`` or ``iris@champion``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlmagic.errors import RegistryError

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-\._]{0,254}")

# `latest` would read as a version; the others are folders of a service or devices of Windows.
_RESERVED = {"latest", "azureml-models", "azureml-app", "mlmagic", "con", "nul", "prn", "aux"}


def check_name(name: str) -> None:
    """Refuse a model name that breaks the rules of Azure ML v1.

    Raises:
        RegistryError: The name is too long, badly formed or reserved.
    """
    if not _NAME.fullmatch(str(name)):
        raise RegistryError(
            f"The model name '{name}' is not valid.",
            hint="A name has 1 to 255 letters, digits, '-', '.' or '_', and starts with a letter"
            " or digit.",
        )
    if name.lower() in _RESERVED:
        raise RegistryError(f"The model name '{name}' is reserved.", hint="Choose another name.")


@dataclass(frozen=True)
class Reference:
    """What ``iris``, ``iris:3`` or ``iris@champion`` stands for.

    Attributes:
        version: None where the newest is meant, or the one of the alias.
    """

    name: str
    version: int | None = None
    alias: str | None = None


def parse_reference(reference: str) -> Reference:
    """Split ``name``, ``name:version`` or ``name@alias``; ``name@latest`` is the newest.

    Raises:
        RegistryError: The version is not a number from 1, or the alias is empty.
    """
    if "@" in reference and ":" not in reference:
        name, _, alias = reference.partition("@")
        if not (name and alias):
            raise RegistryError(
                f"'{reference}' is not a model reference: the alias is missing.",
                hint="Write 'name@champion', or 'name' for the newest version.",
            )
        return Reference(name) if alias == "latest" else Reference(name, alias=alias)
    name, colon, version = reference.partition(":")
    if not colon:
        return Reference(name)
    if not (version.isascii() and version.isdigit() and int(version) > 0):
        raise RegistryError(
            f"'{reference}' is not a model reference: the version '{version}' is not a number.",
            hint="Write 'name' for the newest version, 'name:3', or 'name@champion'.",
        )
    return Reference(name, int(version))


def service_name(source: str) -> str:
    """Make a name that a service may have of that of a model or file.

    Example:
        >>> service_name("Hello_2")
        'hello-svc'
    """
    word = re.sub(r"[^a-z0-9]+", "-", source.lower()).strip("-0123456789")
    return f"{word[:28] or 'model'}-svc"
