"""The file with a service's keys; the server reads it again when it changes."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from mlmagic.errors import ConfigurationError
from mlmagic.files import write_atomically
from mlmagic.targets.base import Keys

if TYPE_CHECKING:
    from pathlib import Path

_KEY_BYTES = 32


def random_key() -> str:
    """Return a new key."""
    return secrets.token_urlsafe(_KEY_BYTES)


def read_keys(file: Path) -> Keys:
    """Read the keys of a service.

    Raises:
        ConfigurationError: The file is missing or damaged.
    """
    try:
        content = json.loads(file.read_text())
        return Keys(primary=content["primary"], secondary=content["secondary"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"The keys in '{file}' cannot be read.",
            hint="Delete the file and deploy the service again to get new ones.",
        ) from error


def write_keys(file: Path, keys: Keys) -> None:
    """Write the keys so that only the user can read them."""
    content = {"primary": keys.primary, "secondary": keys.secondary}
    write_atomically(file, json.dumps(content), mode=0o600)


def ensure_keys(file: Path) -> None:
    """Make two random keys where there are none yet."""
    if not file.exists():
        write_keys(file, Keys(primary=random_key(), secondary=random_key()))
