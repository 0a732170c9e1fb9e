"""The descriptions of a service in OpenAPI: versions 2, 3.0 and 3.1."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.dialects import downgrade
from mlmagic.scoring.templates import openapi_2, openapi_3

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlmagic.scoring.contract import Contract
    from mlmagic.scoring.templates import About

logger = logging.getLogger("azmlinfsrv")
_ALIASES = {"2": "2", "2.0": "2", "3": "3", "3.0": "3", "3.1": "3.1"}
_FILES = {
    "2": ("swagger.json", "swagger2.json"),
    "3": ("swagger3.json",),
    "3.1": ("swagger3.1.json",),
}


class UnknownVersionError(LookupError):
    """There is no such version, or none of this script."""


class Documents:
    """The documents of one service.

    Args:
        documents: Each version's document.
    """

    def __init__(self, documents: Mapping[str, dict[str, Any]]) -> None:
        self._encoded = {
            version: json.dumps(document).encode() for version, document in documents.items()
        }

    @property
    def versions(self) -> list[str]:
        """The versions that there are."""
        return sorted(self._encoded)

    def version(self, asked: str) -> bytes:
        """Return the document of a version.

        Raises:
            UnknownVersionError: There is none.
        """
        known = f"[{', '.join(self.versions)}]"
        if asked not in _ALIASES:
            raise UnknownVersionError(
                f"Swagger version [{asked}] is not valid. Supported versions: {known}."
            )
        if _ALIASES[asked] not in self._encoded:
            raise UnknownVersionError(
                f"Swagger version [{asked}] is not supported for the scoring script. "
                f"Supported swagger versions: {known}."
            )
        return self._encoded[_ALIASES[asked]]


def describe_service(app_root: Path, about: About, contract: Contract) -> Documents:
    """Make the documents; files of the app root replace them version by version."""
    documents: dict[str, dict[str, Any]] = {}
    for version, names in _FILES.items():
        document = _from_file(app_root, names) or _generated(version, about, contract)
        if document is not None:
            documents[version] = document
    return Documents(documents)


def _from_file(app_root: Path, names: tuple[str, ...]) -> dict[str, Any] | None:
    for name in names:
        path = app_root / name
        try:
            document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            logger.warning("The file '%s' cannot be used: %s", path, error)
            continue
        if document:
            return document
    return None


def _generated(version: str, about: About, contract: Contract) -> dict[str, Any] | None:
    if version not in contract.versions:
        return None
    schemas = [contract.input, contract.output]
    if not contract.is_ready_made:
        schemas = [downgrade(schema, version) for schema in schemas]
    if version == "2":
        return openapi_2(about, *schemas)
    return openapi_3(about, *schemas, version=version)
