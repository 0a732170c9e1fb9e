"""A store that a team shares: contents by their SHA-256 in any file system that fsspec opens."""

from __future__ import annotations

import hashlib
import math
import uuid
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlmagic.addresses import without_secrets
from mlmagic.errors import MissingDependencyError, ModelIntegrityError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlmagic.entities import ContentFile
    from mlmagic.registry.metering import Meter

    Progress = Callable[[str], None]

# Here a file appears when it is complete; elsewhere it is written aside and renamed.
_ATOMIC = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl"}
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
_EXTRAS |= dict.fromkeys(("abfs", "abfss", "az", "adl"), "azure")
# Folders of a store: contents, and what was found damaged.
STORED, DAMAGED = "sha256", "damaged"
_TOLD_FROM = 32 << 20  # bytes; what is smaller is not worth a line
# S3 takes large files in parts, so many at once, and at most 10,000 of them.
_PART, _PARTS_AT_ONCE, _MOST_PARTS = 16 << 20, 4, 10_000

_CREDENTIALS = {
    "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what its library looks for.",
    "gcs": "Set GOOGLE_APPLICATION_CREDENTIALS to a key file, or run"
    " 'gcloud auth application-default login'.",
    "azure": "Set AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or"
    " AZURE_STORAGE_SAS_TOKEN, or AZURE_STORAGE_CONNECTION_STRING.",
}

# What the libraries say, and how we say it.
_FAULTS = (
    (
        ("nosuchbucket", "bucket does not exist", "specified bucket"),
        "does not exist",
        "Create the bucket, or correct 'store_url'.",
    ),
    (
        (
            *("credential", "accessdenied", "access denied", "forbidden", "invalidaccesskey"),
            *("signaturedoesnotmatch", "unauthorized", "permission", "expiredtoken", "access key"),
            "authenticat",
        ),
        "refuses the credentials, or has none to check",
        "",  # see _CREDENTIALS
    ),
    (
        ("connect", "timed out", "timeout", "name resolution", "endpoint"),
        "cannot be reached",
        "Check the address; nothing was changed.",
    ),
)


class RemoteStore:
    """Contents in a shared file system.

    The layout is that of a workspace's own store: ``sha256/ab/ab12…``. Credentials and endpoints
    come from where the file system's library looks for them (for S3: ``AWS_…`` variables, the
    files below ``~/.aws``, or fsspec's configuration); they are never stored.

    Args:
        url: Such as ``s3://models/ml``, ``gs://…``, ``abfs://…`` or ``file:///srv/models``.

    Raises:
        MissingDependencyError: The library of this file system is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.place = without_secrets(self.url)

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        scheme = self.url.partition("://")[0]
        try:
            system, root = url_to_fs(self.url, use_listings_cache=False, skip_instance_cache=True)
        except ImportError as error:
            extra = _EXTRAS.get(scheme)
            what = f"'jupyter-mlmagic[{extra}]'" if extra else f"the package for '{scheme}'"
            raise MissingDependencyError(
                f"The store '{self.place}' needs a package that is not installed: {error}.",
                hint=f"Install it: pip install {what}.",
            ) from error
        except ValueError as error:
            if "credentials" in str(error):
                raise self._explained(error) from error
            raise RegistryError(
                f"The store '{self.place}' is of a kind that is not known: {error}.",
                hint="Write a folder, 's3://BUCKET/FOLDER', 'gs://…' or 'abfs://…'.",
            ) from error
        return system, str(root).rstrip("/")

    def path(self, sha256: str, folder: str = STORED) -> str:
        """Say where a content of this digest lies or would lie, inside the file system."""
        below = f"{sha256[:2]}/{sha256}" if folder == STORED else sha256
        return f"{self._opened[1]}/{folder}/{below}"

    def has(self, file: ContentFile) -> bool:
        """Say whether a content is there, with its size."""
        with self._faults():
            return self._size(file.sha256) == file.size

    def put(
        self,
        file: ContentFile,
        source: Path,
        on_event: Progress | None = None,
        meter: Meter | None = None,
    ) -> None:
        """Upload a content, unless it is there; it appears complete or not at all.

        Args:
            file: Its digest and size.
            source: Where its bytes lie.
            on_event: Receives lines of progress.
            meter: Hears of each piece; where it is cancelled, what was sent is taken back.

        Raises:
            RegistryError: The store cannot be reached or written, or the content did not arrive.
        """
        target = self.path(file.sha256)
        with self._faults():
            if self._size(file.sha256) == file.size:
                return
            scheme = self.url.partition("://")[0]
            options = self._parts(file)
            step = math.prod(options.values())
            what = f"uploading {file.path}"
            callback = _progress(what, file.size, on_event, step=step, meter=meter)
            if scheme in _ATOMIC:
                self._transfer("put_file", source, target, callback, **options)
            else:
                self._write_aside(
                    source, f"{self._opened[1]}/incoming/{uuid.uuid4().hex}", target, callback
                )
            arrived = self._size(file.sha256)
        if arrived != file.size:
            raise RegistryError(
                f"The content of '{file.path}' did not arrive whole in '{self.place}'"
                f" ({arrived} of {file.size} bytes).",
                hint="Register it again.",
            )

    def get(self, file: ContentFile, destination: Path, on_event: Progress | None = None) -> None:
        """Download a content into a file; its digest is the reader's to check.

        Raises:
            ModelIntegrityError: The store has no such content.
            RegistryError: The store cannot be reached.
        """
        callback = _progress(f"downloading {file.path}", file.size, on_event)
        with self._faults():
            try:
                self._transfer(
                    "get_file",
                    self.path(file.sha256),
                    destination,
                    callback,
                    **self._parts(file),
                )
            except FileNotFoundError as error:
                raise ModelIntegrityError(
                    f"The content of '{file.path}' (sha256:{file.sha256[:12]}) is missing from the"
                    f" store '{self.place}'.",
                    hint="Registering the same content again restores it.",
                ) from error

    def remove(self, sha256: str, folder: str = STORED) -> None:
        """Delete a content, where it is there."""
        with self._faults(), suppress(FileNotFoundError):
            self._opened[0].rm_file(self.path(sha256, folder))

    def set_aside(self, sha256: str) -> None:
        """Move a damaged content to ``damaged/``, where it is there."""
        system, _ = self._opened
        target = self.path(sha256, DAMAGED)
        with self._faults(), suppress(FileNotFoundError):
            system.makedirs(target.rpartition("/")[0], exist_ok=True)
            system.mv(self.path(sha256), target)

    def is_whole(self, file: ContentFile) -> bool:
        """Read a content, and say whether it has its digest."""
        try:
            with self._faults(), self._opened[0].open(self.path(file.sha256), "rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256
        except ModelIntegrityError:  # the store's own checksum
            return False

    def sizes(self, folder: str = STORED) -> dict[str, int]:
        """List every content in a folder: digest to bytes."""
        system, root = self._opened
        with self._faults():
            try:
                found = system.find(f"{root}/{folder}", detail=True)
            except FileNotFoundError:
                return {}
        return {path.rpartition("/")[2]: int(info["size"] or 0) for path, info in found.items()}

    def _parts(self, file: ContentFile) -> dict[str, int]:
        """Say how S3's client divides a file: it has all parts of one time in memory."""
        if self.url.partition("://")[0] not in ("s3", "s3a"):
            return {}
        part = max(_PART, -(-file.size // _MOST_PARTS))
        return {"chunksize": part, "max_concurrency": _PARTS_AT_ONCE}

    def _transfer(
        self, kind: str, source: object, target: object, callback: Any, **options: int
    ) -> None:
        """Copy one file; where that is interrupted, it ends in the file system's own thread too.

        Raises:
            KeyboardInterrupt: What was sent is taken back, unless a second one came meanwhile.
        """
        import asyncio  # half of what listing services may take

        system = self._opened[0]
        words = (str(source), str(target))
        if not getattr(system, "async_impl", False):
            getattr(system, kind)(*words, callback=callback)
            return
        coroutine = getattr(system, f"_{kind}")(*words, callback=callback, **options)
        transfer = asyncio.run_coroutine_threadsafe(coroutine, system.loop)
        try:
            transfer.result()
        except KeyboardInterrupt:
            callback.stop()  # as an error in it does: only then it removes its parts
            try:
                with suppress(Exception, CancelledError):
                    transfer.result()  # parts that are under way have to arrive first
            finally:
                transfer.cancel()
            raise

    def _write_aside(self, source: Path, aside: str, target: str, callback: Any) -> None:
        from fsspec import AbstractFileSystem
        from fsspec.implementations.local import LocalFileSystem

        system = self._opened[0]
        try:
            for path in (aside, target):
                system.makedirs(path.rpartition("/")[0], exist_ok=True)
            # That of a folder copies in one go: nothing hears of it, nothing ends it.
            put = AbstractFileSystem if isinstance(system, LocalFileSystem) else type(system)
            put.put_file(system, str(source), aside, callback=callback)
            system.mv(aside, target)
        except BaseException:
            with suppress(Exception):
                system.rm_file(aside)
            raise

    def _size(self, sha256: str) -> int | None:
        try:
            return int(self._opened[0].info(self.path(sha256))["size"])
        except FileNotFoundError:
            return None

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn what the file system's library raises into one of ours."""
        try:
            yield
        except (RegistryError, MissingDependencyError):
            raise
        except Exception as error:
            raise self._explained(error) from error

    @property
    def _credentials(self) -> str:
        extra = _EXTRAS.get(self.url.partition("://")[0], "")
        return _CREDENTIALS.get(extra, "Set what the library of this file system looks for.")

    def _explained(self, error: Exception) -> RegistryError:
        told = without_secrets(str(error)).rstrip(".")
        text = f"{type(error).__name__} {told}".lower()
        if "checksum" in text:
            return ModelIntegrityError(
                f"A content of the store '{self.place}' does not match its checksum: {told}.",
                hint="Registering the same content again restores it.",
            )
        for signs, fact, hint in _FAULTS:
            if any(sign in text for sign in signs):
                return RegistryError(
                    f"The store '{self.place}' {fact}: {told}.", hint=hint or self._credentials
                )
        return RegistryError(f"The store '{self.place}' failed: {type(error).__name__}: {told}.")


def _progress(
    what: str,
    size: int,
    on_event: Progress | None,
    *,
    step: int = 1,
    meter: Meter | None = None,
) -> Any:
    """Make a callback for fsspec: it tells each tenth of a large file, and ends what is stopped.

    Args:
        what: The beginning of a line.
        size: Bytes of the file.
        on_event: Receives the lines.
        step: After so many bytes nothing is under way: a part that is, and arrives after the
            others were taken back, would lie there for ever.
        meter: Hears of each piece, and may end it too.
    """
    from fsspec.callbacks import NoOpCallback

    tell = on_event if size >= _TOLD_FROM else None

    class _Callback(NoOpCallback):  # type: ignore[misc]  # fsspec carries no types
        value = tenths = 0
        stopped = False

        def stop(self) -> None:
            self.stopped = True
            if tell is not None:
                tell(
                    f"{what}  stopping, what was sent is taken back (Ctrl-C again leaves it there)"
                )

        def relative_update(self, inc: int = 1) -> None:
            self.absolute_update(self.value + inc)

        def absolute_update(self, value: int) -> None:
            if value % step == 0 or value >= size:
                if self.stopped:
                    raise InterruptedError
                if meter is not None:
                    meter.check()
            if meter is not None:
                meter.count(value - self.value)
            self.value, before = value, self.tenths
            self.tenths = min(value * 10 // max(size, 1), 10)
            if tell is not None and self.tenths > before and not self.stopped:
                tell(f"{what}  {self.tenths * 10} % of {size / 1e6:.0f} MB")

    return _Callback()
