"""Pushing an image to a registry, without any engine."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from mlmagic.errors import ImageBuildError, ImagePushError
from mlmagic.files import storage_faults, write_atomically
from mlmagic.images.client import FINAL, LONGEST_PAUSE_SECONDS, RegistryClient
from mlmagic.images.manifest import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import requests

    from mlmagic.images.blobs import Blob
    from mlmagic.images.manifest import Packed
    from mlmagic.images.reference import Reference

_CHUNK = 4 << 20  # the largest that GHCR takes
_PIECE = 256 << 10  # small enough to get through before a slow network counts as silent
_TOLD = 16 << 20
_RETRIES = 4
_BINARY = {"Content-Type": "application/octet-stream"}
_RANGE = re.compile(r"(?:bytes=)?0-(\d+)")
# Answers of a registry that does not go on with an upload; 429 is none, it passes.
_REFUSALS = tuple(
    code
    for code in HTTPStatus
    if HTTPStatus.BAD_REQUEST <= code < HTTPStatus.INTERNAL_SERVER_ERROR
    and code != HTTPStatus.TOO_MANY_REQUESTS
)


def push(
    packed: Packed,
    reference: Reference,
    *,
    records: PushRecords,
    on_event: Callable[[str], None],
) -> str:
    """Push an image; what the registry has already does not travel.

    Args:
        packed: The image.
        reference: Where to.
        records: Which repositories hold which blobs, to mount from.
        on_event: Told progress, in bytes.

    Returns:
        The digest of the manifest.

    Raises:
        ImagePushError: The registry refused, or the connection broke for good. Blobs that came
            through stay there and are not sent again.
    """
    with RegistryClient(reference, ImagePushError, "pull,push") as client:
        pusher = _Pusher(client, records)
        for blob in (*packed.layers, packed.config):
            pusher.push(blob, on_event)
        client.request(
            "PUT",
            f"manifests/{reference.tag}",
            data=packed.manifest,
            headers={"Content-Type": MANIFEST},
        )
    records.note(reference, [blob.digest for blob in packed.layers])
    on_event(
        f"pushed {reference}: {pusher.sent / 1e6:.1f} MB sent, {pusher.mounted} layers mounted, "
        f"{pusher.present} there already"
    )
    return packed.digest


class PushRecords:
    """Where blobs were pushed to, so that other repositories of a registry can mount them.

    A record that is out of date costs nothing: the registry then takes an upload.

    Args:
        root: ``CACHE/images``.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / "pushed"

    def repository(self, place: Reference, digest: str) -> str | None:
        """Return a repository of the same registry that was given a blob."""
        try:
            return self._file(place, digest).read_text("utf-8")
        except OSError:
            return None

    def note(self, place: Reference, digests: Iterable[str]) -> None:
        """Remember what a repository was given."""
        for digest in digests:
            with suppress(OSError):  # a cache that cannot be written makes pushes slower, no more
                write_atomically(self._file(place, digest), place.repository)

    def _file(self, place: Reference, digest: str) -> Path:
        host = place.host.replace(":", "_")
        return self._folder / host / digest.removeprefix("sha256:")


class _Pusher:
    def __init__(self, client: RegistryClient, records: PushRecords) -> None:
        self.client = client
        self.records = records
        self.sent = self.mounted = self.present = 0
        self.whole = True  # until a request is too large

    def push(self, blob: Blob, on_event: Callable[[str], None]) -> None:
        if self._has(blob):
            self.present += 1
            return
        location = self._mount(blob)
        if location is None:
            self.mounted += 1
            return
        self._upload(blob, location, on_event)
        self.sent += blob.size

    def _has(self, blob: Blob) -> bool:
        found: bool = self.client.blob_exists({"digest": blob.digest}, self.client.place())
        return found

    def _mount(self, blob: Blob) -> str | None:
        """Ask for the blob of another repository; else, return where to upload it."""
        place = self.client.reference
        if blob.origin is not None and blob.origin.host == place.host:
            origin: str | None = blob.origin.repository
        else:
            origin = self.records.repository(place, blob.digest)
        if origin is not None and origin != place.repository:
            self.client.allow_pull(origin)
            asked = urlencode({"mount": blob.digest, "from": origin})
            # A registry may refuse the other repository altogether.
            refusals = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
            answer = self.client.request("POST", f"blobs/uploads/?{asked}", allow=refusals)
            if answer.status_code == HTTPStatus.CREATED:
                return None
            if answer.ok:
                return self._location(answer)
        return self._location(self.client.request("POST", "blobs/uploads/"))

    def _upload(self, blob: Blob, location: str, on_event: Callable[[str], None]) -> None:
        """Send a blob in one request, as docker and containerd do: some registries take no chunks.

        Chunks are for what is left after a broken connection, where the registry says how much it
        has, and for registries that refuse a request of that size.
        """
        offset, failures = 0, 0
        while True:
            try:
                if offset == 0 and (self.whole or blob.size <= _CHUNK):
                    self._finish(location, blob, _Body(blob, on_event))
                    return
                for start, chunk in _chunks(blob, offset):
                    location = self._send(location, start, chunk)
                    offset = start + len(chunk)
                    on_event(_progress(blob, offset))
                self._finish(location, blob, b"")
            except ImagePushError as error:
                failures += 1
                large = self.whole and blob.size > _CHUNK
                too_large = error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and large
                no_chunks = error.status == HTTPStatus.METHOD_NOT_ALLOWED and offset > 0
                final = error.status in FINAL and not (too_large or no_chunks)
                if final or failures > _RETRIES or error.retry_after > LONGEST_PAUSE_SECONDS:
                    raise
                self.whole = self.whole and not too_large
                try:
                    time.sleep(max(0.2 * 2**failures, error.retry_after))
                    if self._has(blob):  # only the answer was lost
                        return
                    location, offset = self._resume(location, error.status)
                except ImagePushError:
                    raise error from None  # what went wrong first says more
            else:
                return

    def _send(self, location: str, start: int, chunk: bytes) -> str:
        headers = {**_BINARY, "Content-Range": f"{start}-{start + len(chunk) - 1}"}
        answer = self.client.request("PATCH", location, data=chunk, headers=headers, attempts=1)
        return self._location(answer)

    def _resume(self, location: str, refusal: int | None) -> tuple[str, int]:
        """Ask how much the registry has; begin anew where it refused the upload or does not say."""
        if refusal not in _REFUSALS:
            answer = self.client.request("GET", location, allow=_REFUSALS)
            found = _RANGE.fullmatch(answer.headers.get("Range", ""))
            # '0-0' stands for nothing and for one byte alike.
            if answer.ok and found is not None and (end := int(found[1])) > 0:
                return answer.headers.get("Location", location), end + 1
        return self._location(self.client.request("POST", "blobs/uploads/")), 0

    def _finish(self, location: str, blob: Blob, data: bytes | _Body) -> None:
        joint = "&" if "?" in location else "?"
        url = f"{location}{joint}{urlencode({'digest': blob.digest})}"
        self.client.request("PUT", url, data=data, headers=_BINARY, attempts=1)

    def _location(self, answer: requests.Response) -> str:
        location = answer.headers.get("Location")
        if not location:
            raise ImagePushError(
                f"The registry '{self.client.reference.host}' does not say where to upload.",
                hint="Check that the address is that of a container registry.",
            )
        return location


class _Body:
    """A blob as the body of a request, read again where a 401 or a redirect has it sent again."""

    def __init__(self, blob: Blob, on_event: Callable[[str], None]) -> None:
        self._blob = blob
        self._on_event = on_event

    def __len__(self) -> int:
        return self._blob.size

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        with storage_faults(Path(self._blob.digest), ImageBuildError):
            for data in self._blob.stream():
                for start in range(0, len(data), _PIECE):
                    piece = data[start : start + _PIECE]
                    yield piece
                    sent += len(piece)
                    if sent // _TOLD > (sent - len(piece)) // _TOLD:
                        self._on_event(_progress(self._blob, sent))


def _progress(blob: Blob, sent: int) -> str:
    return f"pushing {blob.digest[7:19]}: {sent / 1e6:.0f} of {blob.size / 1e6:.0f} MB"


def _chunks(blob: Blob, offset: int) -> Iterator[tuple[int, bytes]]:
    """Cut a blob's bytes from an offset on."""
    position, buffer = 0, bytearray()
    for piece in blob.stream():
        skipped = max(0, min(len(piece), offset - position))
        position += len(piece)
        buffer += piece[skipped:]
        while len(buffer) >= _CHUNK:
            yield offset, bytes(buffer[:_CHUNK])
            del buffer[:_CHUNK]
            offset += _CHUNK
    if buffer:
        yield offset, bytes(buffer)
