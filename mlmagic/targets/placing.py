"""The folders of a local service, and what is placed in them for a revision.

NAME/                    record.json lies here too; mlmagic.services owns it
├─ keys.json             0600
├─ process.json          which process is the supervisor
├─ state/                the supervisor's: desired.json, state.json, service.log,
│                          events.log
└─ revisions/N/
   ├─ app/               the app root, laid out as Azure ML v1 does
   │  ├─ azureml-models/NAME/VERSION/…
   │  └─ score.py, or SOURCE_DIRECTORY/…
   ├─ secrets/           0700; one file of mode 0600 for each
   ├─ sample             body of the test request
   └─ lock.json          what the environment is made of
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmagic.errors import ConfigurationError
from mlmagic.files import write_atomically, write_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mlmagic.entities import DeploymentSpec, PlacedModel, SourceTree
    from mlmagic.registry import ContentStore

MODELS_FOLDER = "azureml-models"


@dataclass(frozen=True)
class RevisionFolder:
    """Where the parts of one revision lie."""

    path: Path

    @property
    def app(self) -> Path:
        """The app root: working directory of the workers."""
        return self.path / "app"

    @property
    def secrets(self) -> Path:
        """One file for each secret."""
        return self.path / "secrets"

    @property
    def sample(self) -> Path:
        """The body of the test request."""
        return self.path / "sample"

    @property
    def lock(self) -> Path:
        """The record that the environment is realised from."""
        return self.path / "lock.json"


@dataclass(frozen=True)
class ServiceFolder:
    """Where the parts of one service lie."""

    path: Path

    @property
    def keys(self) -> Path:
        """The keys."""
        return self.path / "keys.json"

    @property
    def process(self) -> Path:
        """Identity of the supervisor."""
        return self.path / "process.json"

    @property
    def state(self) -> Path:
        """The supervisor's folder."""
        return self.path / "state"

    @property
    def log(self) -> Path:
        """What the workers write."""
        return self.state / "service.log"

    @property
    def events(self) -> Path:
        """What the supervisor keeps of what happened, a line of JSON for each."""
        return self.state / "events.log"

    @property
    def revisions(self) -> Path:
        """A folder for each revision."""
        return self.path / "revisions"

    def revision(self, generation: int) -> RevisionFolder:
        """The folder of one revision."""
        return RevisionFolder(self.revisions / str(generation))


def place_revision(
    service: ServiceFolder,
    generation: int,
    spec: DeploymentSpec,
    *,
    content: ContentStore,
    secrets: Mapping[str, bytes],
) -> None:
    """Lay out the app root of a revision; content is verified as it is placed.

    Raises:
        ModelIntegrityError: Stored content is missing or damaged.
        ConfigurationError: The value of a secret is not known any more.
    """
    folder = service.revision(generation)
    shutil.rmtree(folder.path, ignore_errors=True)
    place_app(folder.app, spec.source, spec.models, content)
    place_secrets(service, generation, spec, secrets)
    if spec.sample is not None:
        content.place(spec.sample.content, folder.sample, link=False)
    write_record(folder.lock, spec.lock)


def model_directory(models: tuple[PlacedModel, ...]) -> str:
    """Return ``AZUREML_MODEL_DIR`` as Azure ML v1 has it, relative to the app root."""
    if len(models) == 1:
        return f"{MODELS_FOLDER}/{models[0].name}/{models[0].version}"
    return MODELS_FOLDER


def entry_script(source: SourceTree) -> str:
    """Return ``AZUREML_ENTRY_SCRIPT``, relative to the app root."""
    return f"{source.name}/{source.entry_script}" if source.name else source.entry_script


def place_app(
    app: Path, source: SourceTree, models: Iterable[PlacedModel], content: ContentStore
) -> None:
    """Lay out an app root: the sources, and the models below ``azureml-models``.

    Raises:
        ModelIntegrityError: Stored content is missing or damaged.
    """
    from mlmagic.registry import place_files, write_loader_record
    from mlmagic.scripts import place_sources

    root = app / MODELS_FOLDER
    root.mkdir(parents=True)
    place_sources(source, content, app)
    for model in models:
        place_files(model, root / model.name / str(model.version), content)
        write_loader_record(root, model)


def place_secrets(
    service: ServiceFolder,
    generation: int,
    spec: DeploymentSpec,
    values: Mapping[str, bytes],
) -> None:
    """Write the secrets, from new values or from an earlier revision that had the same.

    Raises:
        ConfigurationError: The value of a secret is not known any more.
    """
    folder = service.revision(generation)
    folder.secrets.mkdir(mode=0o700, parents=True)
    for name, digest in spec.secrets.items():
        value = values[name] if name in values else _known_secret(service, name, digest)
        if value is None or hashlib.sha256(value).hexdigest() != digest:
            raise ConfigurationError(
                f"The value of secret '{name}' is not known to service '{spec.name}'.",
                hint=f"Give it again: --secret {name}=FILE.",
            )
        write_atomically(folder.secrets / name, value, mode=0o600)


def _known_secret(service: ServiceFolder, name: str, digest: str) -> bytes | None:
    for file in service.revisions.glob(f"*/secrets/{name}"):
        value = file.read_bytes()
        if hashlib.sha256(value).hexdigest() == digest:
            return value
    return None
