"""Live objects as files."""

from __future__ import annotations

import pickle
import warnings
from typing import TYPE_CHECKING

from mlmagic.errors import RegistryError
from mlmagic.registry import formats, frameworks

if TYPE_CHECKING:
    from pathlib import Path

_PROTOCOL = 4


def dump_object(value: object, folder: Path) -> tuple[Path, formats.Inspection]:
    """Write an object: in the safe format of its framework, else as a pickle.

    A skops archive has to load again, here and now; where it does not, the object is pickled.
    Either file is inspected as one from elsewhere would be.

    Args:
        value: The object.
        folder: Where to write.

    Returns:
        The file, and what it is.

    Raises:
        RegistryError: It cannot be written.
    """
    framework, saved = _in_safe_format(value)
    if saved is not None:
        path = folder / saved.file_name
        path.write_bytes(saved.data)
        if saved.loader != "skops":
            described = frameworks.Described(framework=framework, loader=saved.loader)
            return path, formats.Inspection(described=described)
        inspection = formats.inspect_skops(path, path.name)
        if inspection.findings or _loads(path, inspection.described.trusted_types):
            return path, inspection
    path = folder / "model.pkl"
    path.write_bytes(_pickled(value))
    return path, formats.inspect_file(path, path.name)


def _in_safe_format(value: object) -> tuple[str, frameworks.Saved | None]:
    try:
        return frameworks.save_object(value)
    except RegistryError:
        raise
    except Exception:  # noqa: BLE001 - whatever a foreign library finds, a pickle may do
        return frameworks.framework_of(value), None


def _loads(path: Path, trusted: tuple[str, ...]) -> bool:
    from skops import io as skops_io

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            skops_io.load(path, trusted=list(trusted))
        except Exception:  # noqa: BLE001 - any failure says the same: not in this format
            return False
    return True


def _pickled(value: object) -> bytes:
    try:
        return pickle.dumps(value, protocol=_PROTOCOL)
    except Exception as error:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise RegistryError(
            f"An object of type '{kind}' cannot be saved: {error}.",
            hint="Save it to a file yourself and register the file.",
        ) from error
