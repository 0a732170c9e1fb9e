"""Signatures of models by OpenSSF model-signing, with keys of one's own: no service is asked.

A signature is a bundle over the digests of all files. It is kept with the version; anybody who has
the public key can check it, with mlmagic or with the command ``model_signing``.
"""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.errors import MissingDependencyError, RegistryError, UnsafeModelError
from mlmagic.registry import placing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmagic.entities import ContentFile, Model
    from mlmagic.registry.content import ContentStore

_KEY_SUFFIXES = {".pem", ".pub"}


def sign(
    model: Model, content: ContentStore, private_key: Path, password: str | None = None
) -> tuple[str, bytes]:
    """Sign the files of a version.

    Args:
        model: The version.
        content: Where its files are.
        private_key: An elliptic-curve key in PEM (``openssl ecparam -name prime256v1 -genkey``).
        password: Opens the key, where it is encrypted.

    Returns:
        The fingerprint of the key's public half, and the bundle.

    Raises:
        MissingDependencyError: model-signing is not installed.
        RegistryError: The key cannot be read.
    """
    signing = _library().signing
    try:
        fingerprint = _fingerprint(private_key, password)
        config = signing.Config().use_elliptic_key_signer(
            private_key=private_key, password=password
        )
    except (ValueError, TypeError, OSError) as error:
        raise RegistryError(
            f"The private key '{private_key}' cannot be used: {error}.",
            hint="It has to be an elliptic-curve key in PEM; give its password, if it has one.",
        ) from error
    with _placed(model, content) as (folder, bundle):
        config.sign(folder, bundle)
        return fingerprint, bundle.read_bytes()


def verify(model: Model, content: ContentStore, keys: Sequence[Path]) -> str:
    """Check that one of the keys signed just these files.

    Returns:
        The name of the key that did.

    Raises:
        UnsafeModelError: The version is not signed, or by none of these keys, or its files are
            not those that were signed.
    """
    verifying = _library().verifying
    if not model.signatures:
        raise UnsafeModelError(
            f"The model '{model.id}' is not signed.",
            hint=f"Sign it: %ml model sign {model.id} --private-key FILE.",
        )
    if not keys:
        raise UnsafeModelError(
            "No public key is known to check signatures with.",
            hint="Put public keys (*.pem) into a folder, and set 'signing_keys' to it.",
        )
    tried = []
    for signature in model.signatures:
        data = content.read_bytes(signature)
        with _placed(model, content) as (folder, bundle):
            bundle.write_bytes(data)
            for key in keys:
                try:
                    verifying.Config().use_elliptic_key_verifier(public_key=key).verify(
                        folder, bundle
                    )
                except Exception as error:  # noqa: BLE001 - whatever it finds, it is not verified
                    tried.append(f"{key.name}: {error}")
                else:
                    return key.name
    raise UnsafeModelError(
        f"No known key verifies the model '{model.id}' ({'; '.join(tried)}).",
        hint="Its files are not those that were signed, or the signer's public key is missing"
        " from 'signing_keys'.",
    )


def public_keys(place: Path) -> list[Path]:
    """Return the public keys at a path: the file, or those of the folder.

    Raises:
        RegistryError: There is no such path.
    """
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise RegistryError(
            f"There are no public keys at '{place}'.", hint="Correct 'signing_keys'."
        )
    return sorted(path for path in place.iterdir() if path.suffix in _KEY_SUFFIXES)


@contextmanager
def _placed(model: Model, content: ContentStore) -> Iterator[tuple[Path, Path]]:
    """Lay the files out, checked against their digests, with a place for the bundle beside."""
    content.root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=content.root, prefix=".signing-") as name:
        folder = Path(name) / "model"
        placing.place_files(model, folder, content)
        yield folder, Path(name) / "bundle.sig"


def _fingerprint(private_key: Path, password: str | None) -> str:
    from cryptography.hazmat.primitives import serialization

    secret = serialization.load_pem_private_key(
        private_key.read_bytes(), password.encode() if password else None
    )
    public = secret.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(public).hexdigest()[:16]


def _library() -> Any:
    try:
        import model_signing
        import model_signing.signing
        import model_signing.verifying
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "Signatures of models need 'model-signing'.",
            hint="Install it: pip install 'jupyter-mlmagic[signing]'.",
        ) from error
    return model_signing


def with_signature(
    signatures: tuple[ContentFile, ...], new: ContentFile
) -> tuple[ContentFile, ...]:
    """Add a signature; one of the same key is replaced."""
    return (*(each for each in signatures if each.path != new.path), new)
