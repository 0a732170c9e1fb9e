"""Base images in a registry, looked at and taken from without an engine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zlib
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Any, cast

from mlmagic.errors import ImagePullError
from mlmagic.files import PIECE
from mlmagic.images.bases import Base, Configuration, Search, other_platform
from mlmagic.images.blobs import GZIP, TAR, Blob

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlmagic.images.bases import Python
    from mlmagic.images.blobs import BlobStore
    from mlmagic.images.client import RegistryClient
    from mlmagic.images.reference import Reference
    from mlmagic.images.store import FactStore

# The words of OCI for Docker's; the bytes are the same.
MEDIA_TYPES = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip": GZIP,
    "application/vnd.docker.image.rootfs.diff.tar": TAR,
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip": GZIP,
}
_GZIP_MAGIC = b"\x1f\x8b"
_LIMIT = 8 << 20  # manifests and configurations are kilobytes


def find_base(
    reference: Reference, *, architecture: str, wanted: str | None, facts: FactStore
) -> Base:
    """Look at a base image in its registry.

    Args:
        reference: Its name.
        architecture: Which one to take, where there are several.
        wanted: The Python version to prefer.
        facts: What was found out before.

    Raises:
        ImagePullError: It cannot be had.
    """
    with _client(reference) as client:
        manifest = _manifest(client, architecture)
        config_digest = manifest["config"]["digest"]
        data = _fetch(client, config_digest)
        config = json.loads(data)
        configuration = Configuration.read(
            config_digest, config, config.get("rootfs", {}).get("diff_ids") or ()
        )
        if configuration.architecture != architecture:
            raise other_platform(reference, configuration.architecture, architecture)
        source = RegistrySource(reference, tuple(manifest["layers"]))

        def look() -> Python:
            search = Search(configuration, wanted)
            for blob in source.layers(client):
                search.see_layer(names_in(blob.stream()))
            return search.result()

        python = facts.python(configuration, wanted, look)
    return Base(str(reference), configuration, python, source)


def find_layers(reference: Reference, configuration: Configuration) -> RegistrySource | None:
    """Return where a registry has the layers of an image that was pulled from it.

    Args:
        reference: The image's name there.
        configuration: The image as an engine has it.

    Returns:
        None where it is another one there by now, or the registry cannot be asked.
    """
    try:
        with _client(reference, attempts=1) as client:
            manifest = _manifest(client, configuration.architecture)
            config = json.loads(_fetch(client, manifest["config"]["digest"]))
    except ImagePullError:
        return None
    same = config.get("rootfs", {}).get("diff_ids") == [*configuration.layers]
    return RegistrySource(reference, tuple(manifest["layers"])) if same else None


class RegistrySource:
    """The layers of a base image that a registry holds.

    Attributes:
        reference: The image's name.
    """

    def __init__(self, reference: Reference, descriptors: Sequence[dict[str, Any]]) -> None:
        self.reference = reference
        self._descriptors = descriptors

    def blobs(self, _store: BlobStore) -> list[Blob]:
        """Describe the layers; they are mounted or, where that is impossible, passed on."""
        return [self._blob(each, None) for each in self._descriptors]

    def layers(self, client: RegistryClient) -> Iterator[Blob]:
        """Describe the layers, to be read through a client."""
        for each in self._descriptors:
            yield self._blob(each, client)

    def _blob(self, descriptor: dict[str, Any], client: RegistryClient | None) -> Blob:
        digest, kind = str(descriptor["digest"]), str(descriptor["mediaType"])

        def stream() -> Iterator[bytes]:
            if client is not None:
                yield from _checked(client, digest)
                return
            with _client(self.reference) as own:
                yield from _checked(own, digest)

        kind = MEDIA_TYPES.get(kind, kind)
        return Blob(digest, int(descriptor["size"]), kind, stream, self.reference)


def names_in(stream: Iterable[bytes]) -> Iterator[str]:
    """List the names in a layer, compressed or not.

    Raises:
        ImagePullError: It is no layer that can be read.
    """
    reader = io.BufferedReader(_Reader(iter(stream)), PIECE)
    packed = reader.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC)
    # tarfile's own reader of gzip streams ends after the first member; ours and pigz's have more.
    plain = gzip.GzipFile(fileobj=reader) if packed else reader
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", plain), mode="r|*") as tar:
            for entry in tar:
                yield entry.name
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ImagePullError(
            f"A layer of the base image cannot be read: {error}.",
            hint="Layers compressed with zstd are not read; choose another base_image.",
        ) from error


class _Reader(io.RawIOBase):
    """Bytes that come piece by piece, as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")  # a slice of it copies nothing

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            try:
                self._rest = memoryview(next(self._chunks))
            except StopIteration:
                return 0
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _client(reference: Reference, attempts: int | None = None) -> RegistryClient:
    """Return a client of a base image's repository; the first one loads oras."""
    from mlmagic.images.client import ATTEMPTS, RegistryClient

    return RegistryClient(reference, ImagePullError, attempts=attempts or ATTEMPTS)


def _manifest(client: RegistryClient, architecture: str) -> dict[str, Any]:
    reference = client.reference
    content = _ask(client)
    if "manifests" in content:
        found = [
            each["digest"]
            for each in content["manifests"]
            if (each.get("platform") or {}).get("os") == "linux"
            and (each.get("platform") or {}).get("architecture") == architecture
        ]
        if not found:
            known = {
                str((each.get("platform") or {}).get("architecture"))
                for each in content["manifests"]
            } - {"unknown"}
            raise other_platform(reference, ", ".join(sorted(known)), architecture)
        content = _ask(client, found[0])
    if "config" not in content or "layers" not in content:
        raise ImagePullError(
            f"'{reference}' is no container image.", hint="Choose another base_image."
        )
    return content


def _ask(client: RegistryClient, digest: str = "") -> dict[str, Any]:
    try:
        content: dict[str, Any] = client.get_manifest(client.place(digest))
    except ImagePullError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        raise ImagePullError(
            f"The image '{client.reference}' does not exist in its registry.",
            hint="Check the name and the tag.",
        ) from error
    return content


def _fetch(client: RegistryClient, digest: str) -> bytes:
    data = b""
    for chunk in _checked(client, digest):
        data += chunk
        if len(data) > _LIMIT:
            raise ImagePullError(f"The configuration of '{client.reference}' is too large.")
    return data


def _checked(client: RegistryClient, digest: str) -> Iterator[bytes]:
    """Read a blob; one that is not what its digest says is refused at its end."""
    answer = client.get_blob(client.place(), digest, stream=True)
    found = hashlib.sha256()
    try:
        for chunk in answer.iter_content(PIECE):
            found.update(chunk)
            yield chunk
    except OSError as error:  # requests' errors are of this class
        raise client.unreachable(error) from error
    finally:
        answer.close()
    if f"sha256:{found.hexdigest()}" != digest:
        raise ImagePullError(
            f"What '{client.reference}' sent for {digest[:19]} is not what the digest says.",
            hint="Try again; if it stays so, the registry or a proxy is broken.",
        )
