"""Models as one file that another registry reads: ``export`` and ``import``.

A bundle is a plain tar: ``models.json`` with the records, then each content once, named by its
SHA-256. What it says is not believed: contents are checked against their names, and files are
inspected, and trusted or refused, as files from anywhere are. Trust and aliases stay behind.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import tarfile
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mlmagic.entities import Model
from mlmagic.errors import RegistryError
from mlmagic.files import PIECE, RECORD_FORMAT, sync_directory, to_builtins, to_json
from mlmagic.registry.faults import storage_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlmagic.entities import ContentFile, Registration
    from mlmagic.registry.registry import Registry

_RECORDS = "models.json"
_LARGEST_RECORDS = 256 << 20
_CONTENT = re.compile(r"contents/([0-9a-f]{64})")


def export_models(
    registry: Registry,
    models: Sequence[Model],
    path: Path,
    on_event: Callable[[str], None] | None = None,
) -> Path:
    """Write models into a bundle, whole or not at all.

    Args:
        registry: Where they are.
        models: Which.
        path: The file to write; an existing one is replaced.
        on_event: Receives lines of progress.

    Raises:
        ModelIntegrityError: A content is missing or damaged.
    """
    contents = {file.sha256: file for model in models for file in model.contents}
    records = [to_builtins(replace(model, aliases=())) for model in models]
    told = to_json({"format": RECORD_FORMAT, "models": records}).encode()
    with storage_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                os.fchmod(stream.fileno(), 0o644)
                with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as bundle:
                    bundle.addfile(_member(_RECORDS, len(told)), io.BytesIO(told))
                    for number, file in enumerate(contents.values(), start=1):
                        if on_event is not None:
                            on_event(f"{number} of {len(contents)}: {file.path}")
                        with registry.content.check(file).open("rb") as source:
                            bundle.addfile(_member(f"contents/{file.sha256}", file.size), source)
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
        sync_directory(path.parent)
    return path


def import_models(
    registry: Registry,
    path: Path,
    *,
    trust: bool | str = False,
    on_event: Callable[[str], None] | None = None,
) -> list[Registration]:
    """Register the models of a bundle, each under its name with the next version.

    Args:
        registry: Where they go.
        path: The bundle.
        trust: As for ``Registry.register``.
        on_event: Receives lines of progress.

    Raises:
        RegistryError: It is no bundle, or a damaged one.
        UnsafeModelError: A file names something outside this workspace's allow-list. Models before
            it in the bundle are registered; doing it again registers the others.
    """
    with _opened(path) as (bundle, models):
        done: list[Registration] = []
        for model in models:
            if on_event is not None:
                on_event(f"{len(done) + 1} of {len(models)}: {model.id}")
            done.append(_import_one(registry, bundle, model, trust=trust))
        return done


def _import_one(
    registry: Registry, bundle: _Bundle, model: Model, *, trust: bool | str
) -> Registration:
    extras = [each.content for each in (model.sample, model.sample_output) if each is not None]
    extras += [*model.signatures, *((model.card,) if model.card else ())]
    with tempfile.TemporaryDirectory(prefix="mlmagic-import-") as name:
        folder, extra = Path(name, "files"), Path(name, "extra")
        folder.mkdir()
        for file in model.files:
            bundle.write(file, folder.joinpath(*_parts(file.path)))
        for file in extras:
            bundle.write(file, extra)
            registry.content.add(extra, name=file.path, shared=registry.sharing.active)
            extra.unlink()
        return registry.adopt(model, sorted(folder.iterdir()), trust=trust)


class _Bundle:
    """An open bundle: which contents it has."""

    def __init__(self, path: Path, archive: tarfile.TarFile) -> None:
        self._path = path
        self._archive = archive
        self._members = {member.name: member for member in archive.getmembers()}

    def records(self) -> list[Any]:
        member = self._members.get(_RECORDS)
        if member is None or not member.isreg() or member.size > _LARGEST_RECORDS:
            raise self.unreadable(f"it has no '{_RECORDS}'")
        strange = [
            each.name
            for each in self._members.values()
            if each is not member and not (each.isreg() and _CONTENT.fullmatch(each.name))
        ]
        if strange:
            raise self.unreadable(f"'{strange[0]}' does not belong there")
        told = json.loads(self._read(member).read())
        found = told.get("models") if isinstance(told, dict) else None
        if not isinstance(found, list) or told.get("format") != RECORD_FORMAT:
            raise self.unreadable("its records have another form")
        return found

    def write(self, file: ContentFile, destination: Path) -> None:
        from mlmagic.registry.content import is_whole

        member = self._members.get(f"contents/{file.sha256}")
        if member is None or member.size != file.size:
            raise self.unreadable(f"the content of '{file.path}' is missing")
        destination.parent.mkdir(parents=True, exist_ok=True)
        with storage_faults(destination), destination.open("xb") as target:
            shutil.copyfileobj(self._read(member), target, PIECE)
        if not is_whole(destination, file):
            raise self.unreadable(f"the content of '{file.path}' does not match its digest")

    def unreadable(self, why: str) -> RegistryError:
        return RegistryError(
            f"The file '{self._path}' is not a whole bundle of models: {why}.",
            hint="Export the models again.",
        )

    def _read(self, member: tarfile.TarInfo) -> Any:
        stream = self._archive.extractfile(member)
        if stream is None:
            raise self.unreadable(f"'{member.name}' is no file")
        return stream


@contextmanager
def _opened(path: Path) -> Iterator[tuple[_Bundle, list[Model]]]:
    import msgspec

    try:
        with tarfile.open(path, mode="r:") as archive:
            bundle = _Bundle(path, archive)
            yield bundle, [msgspec.convert(each, Model) for each in bundle.records()]
    except FileNotFoundError as error:
        raise RegistryError(f"The file '{path}' does not exist.") from error
    except (tarfile.TarError, EOFError, ValueError, KeyError) as error:
        raise RegistryError(
            f"The file '{path}' is not a whole bundle of models: {error}.",
            hint="Export the models again.",
        ) from error


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    return member


def _parts(name: str) -> tuple[str, ...]:
    path = PurePosixPath(name)
    plain = name.isprintable() and "\\" not in name
    if path.is_absolute() or ".." in path.parts or not path.parts or not plain:
        raise RegistryError(
            f"The bundle has a file '{name}', which leads out of its model's folder.",
            hint="Do not trust where it comes from.",
        )
    return path.parts
