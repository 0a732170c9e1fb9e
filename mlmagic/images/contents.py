"""The thin layers: the scoring server, each model, the sources."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mlmagic.environments.runtime import runtime_digest, runtime_files
from mlmagic.files import digest_text
from mlmagic.images.bytecode import compile_files, find_compiler
from mlmagic.images.places import APP_ROOT, RUNTIME, SAMPLE
from mlmagic.images.tars import Entry, folder_entries, tar_stream
from mlmagic.registry import loader_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlmagic.entities import DeploymentSpec, PlacedModel
    from mlmagic.images.layers import Layer, LayerStore
    from mlmagic.registry import ContentStore

_FORMAT = "1"
MODELS_FOLDER = "azureml-models"


def runtime_layer(store: LayerStore, python_version: str) -> Layer:
    """The scoring server of the running mlmagic, compiled for the image's Python."""
    compiler = find_compiler(python_version)
    magic = compiler[1] if compiler else ""
    digest = runtime_digest()

    def make(work: Path) -> Iterable[bytes]:
        for name, data in runtime_files():
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if compiler:
            files = sorted(work.rglob("*.py"))
            compile_files(files, work, program=compiler[0], prefix=f"/{RUNTIME}")
        return tar_stream(folder_entries(work, RUNTIME))

    key = digest_text("runtime", _FORMAT, digest, magic)
    return store.stored(key, f"scoring server {digest}", make)


def model_layer(store: LayerStore, model: PlacedModel, content: ContentStore) -> Layer:
    """One version of a model, as Azure ML v1 lays it out, with its loader's record.

    Raises:
        ModelIntegrityError: Stored content is missing or damaged.
    """
    folder = f"{APP_ROOT}/{MODELS_FOLDER}"
    name, text = loader_record(model)
    files = [(f"{folder}/{model.name}/{model.version}/{file.path}", file) for file in model.files]
    key = digest_text(
        *("model", _FORMAT, name, text),
        *(part for path, file in sorted(files) for part in (path, file.sha256)),
    )

    def entries() -> Iterator[Entry]:
        yield Entry(f"{folder}/{name}", text.encode())
        for path, file in files:
            yield Entry(inside(path), content.check(file))

    return store.streamed(key, f"model {model.id}", lambda: tar_stream(entries()))


def source_layer(store: LayerStore, spec: DeploymentSpec, content: ContentStore) -> Layer:
    """The sources at the app root, and the sample request.

    Raises:
        ModelIntegrityError: Stored content is missing or damaged.
    """
    root = f"{APP_ROOT}/{spec.source.name}" if spec.source.name else APP_ROOT
    files = [(f"{root}/{file.path}", file) for file in spec.source.files]
    if spec.sample is not None:
        files.append((SAMPLE, spec.sample.content))
    key = digest_text(
        "source", _FORMAT, *(part for path, file in sorted(files) for part in (path, file.sha256))
    )

    def entries() -> Iterator[Entry]:
        # Scripts of v1 may write beside themselves.
        for folder in {APP_ROOT, root}:
            yield Entry(folder, writable=True)
        for path, file in files:
            yield Entry(inside(path), content.check(file))

    return store.streamed(key, "sources", lambda: tar_stream(entries()))


def variables(spec: DeploymentSpec) -> dict[str, str]:
    """Return what Azure ML v1 tells scripts by environment variables."""
    source, models = spec.source, spec.models
    one = models[0] if len(models) == 1 else None
    script = f"{source.name}/{source.entry_script}" if source.name else source.entry_script
    found = {
        "AZUREML_ENTRY_SCRIPT": script,
        "AZUREML_MODEL_DIR": f"{MODELS_FOLDER}/{one.name}/{one.version}" if one else MODELS_FOLDER,
    }
    return found | ({"AZUREML_SOURCE_DIRECTORY": source.name} if source.name else {})


def inside(path: str) -> str:
    """Return a path in an image; one that leads elsewhere is refused."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts:
        from mlmagic.errors import ImageBuildError

        raise ImageBuildError(f"The path '{path}' leads out of the image's folder.")
    return str(parts)
