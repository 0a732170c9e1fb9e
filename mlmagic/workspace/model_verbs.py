"""The verbs of models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic import journal
from mlmagic.workspace.lineage import lineage_of
from mlmagic.workspace.rooms import Rooms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmagic.entities import CellOrigin, Model, Registration
    from mlmagic.registry import VerifyReport


class ModelVerbs(Rooms):
    """Register, find, change and remove models."""

    @property
    def models(self) -> dict[str, Model]:
        """The newest version of each registered model, by name."""
        return {model.name: model for model in self.list_models(latest=True)}

    def register_model(  # noqa: PLR0913 - the options of one verb
        self,
        source: object,
        *,
        name: str,
        sample: object = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        description: str | None = None,
        framework: str | None = None,
        framework_version: str | None = None,
        new_version: bool = False,
        trust: bool = False,
        cell: CellOrigin | None = None,
        notebook: str | None = None,
    ) -> Registration:
        """Register a model under a name; equal content is the same version.

        Args:
            source: A live model, a path, or several paths.
            name: 1 to 255 letters, digits, ``-``, ``.``, ``_``.
            sample: A data frame, array, JSON value or bytes: the default test request.
            tags: Labels that can change.
            properties: Facts that cannot.
            description: What the model is.
            framework: Name of the framework, where it cannot be told from the source.
            framework_version: Its version; needs a framework.
            new_version: Make a version even of equal content.
            trust: Accept a pickle that the allow-list refuses; recorded in the workspace.
            cell: The cell that registers, for the lineage.
            notebook: The notebook that registers, for the lineage.

        Raises:
            RegistryError: The source, a name or a value is not usable; nothing is registered.
            UnsafeModelError: A pickle calls something outside the allow-list.

        Example:
            >>> workspace.register_model(ridge, name="diabetes").model.id  # doctest: +SKIP
            'diabetes:1'
        """
        if isinstance(source, str):
            source = Path(source)
        registration = self.registry.register(
            source,
            name=name,
            sample=sample,
            tags=dict(tags or {}),
            properties=dict(properties or {}),
            description=description,
            framework=framework,
            framework_version=framework_version,
            new_version=new_version,
            trust=trust,
            lineage=lineage_of(self.root, cell=cell, notebook=notebook),
        )
        journal.note("register", id=registration.model.id, outcome=registration.outcome)
        return registration

    def list_models(
        self,
        *,
        name: str | None = None,
        tags: Sequence[str] = (),
        properties: Sequence[str] = (),
        latest: bool = False,
    ) -> list[Model]:
        """List models, newest version first.

        Args:
            name: Only versions of this model.
            tags: ``name`` or ``name=value``; all must hold.
            properties: Likewise.
            latest: Only the newest version of each name.
        """
        if not self.exists:
            return []
        return self.registry.list(name=name, tags=tags, properties=properties, latest=latest)

    def show_model(self, model: str) -> Model:
        """Return a model by ``name`` (the newest version) or ``name:version``.

        Raises:
            ModelNotFoundError: There is none; the message names the nearest.
        """
        return self.registry.get(model)

    def download_model(
        self, model: str, *, target_dir: str | Path = ".", overwrite: bool = False
    ) -> Path:
        """Write a model's files into a folder and return their common path.

        Raises:
            RegistryError: A file exists and ``overwrite`` is not given.
        """
        return self.registry.download(model, Path(target_dir), overwrite=overwrite)

    def update_model(
        self,
        model: str,
        *,
        description: str | None = None,
        add_tags: Mapping[str, str] | None = None,
        remove_tags: Sequence[str] = (),
        add_properties: Mapping[str, str] | None = None,
    ) -> Model:
        """Change a model's description, tags or properties (properties can only be added)."""
        return self.registry.update(
            model,
            description=description,
            add_tags=add_tags,
            remove_tags=remove_tags,
            add_properties=add_properties,
        )

    def delete_model(self, model: str) -> Model:
        """Delete one version of a model.

        Raises:
            ModelInUseError: Services use it; the message names them.
            DamagedRecordError: Nobody knows what one of the services uses.
        """
        found = self.registry.get(model)
        users = self.services.models_in_use().get(found.id, [])
        return self.registry.delete(found.id, used_by=users)

    def verify_models(self, *, repair: bool = False) -> VerifyReport:
        """Check every stored file against its digest, and repair what can be.

        Args:
            repair: Also remove what neither a model nor a revision of a service uses.
        """
        names = self.services.names()
        records = {record.name: record for record in self.services.readable()}
        # What a service with a damaged record uses is not known: then nothing may go.
        others = None
        if len(records) == len(names):
            others = {
                f"service '{name}'": tuple(
                    dict.fromkeys(file for r in record.revisions for file in r.spec.content)
                )
                for name, record in records.items()
            }
        return self.registry.verify(repair=repair, others=others)
