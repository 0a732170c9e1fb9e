"""The models of a workspace."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.entities import Lineage, Model, Registration, Sample
from mlmagic.errors import ModelInUseError, RegistryError, UsageError
from mlmagic.files import digest_text
from mlmagic.registry import formats, frameworks, naming, placing
from mlmagic.registry.faults import storage_faults
from mlmagic.registry.metadata import matches, merged_properties, settle, text_pairs
from mlmagic.registry.safety import decide_trust
from mlmagic.registry.samples import read_sample
from mlmagic.registry.sources import collect
from mlmagic.registry.trust import TrustRecord

if TYPE_CHECKING:
    import builtins
    from collections.abc import Collection, Iterator, Mapping

    from mlmagic.entities import ContentFile
    from mlmagic.registry.catalogue import Catalogue
    from mlmagic.registry.content import ContentStore
    from mlmagic.registry.verification import VerifyReport

_UNREGISTERED_NAME = 30  # characters of the base name, as v1's local deployment keeps


class Registry:
    """Names, versions and files of models.

    Content is written first and found by nobody; one transaction of the catalogue then makes the
    version visible. A process killed in between leaves nothing but bytes for ``verify``.

    Args:
        directory: The workspace's ``.mlmagic``.
        content: Where the files' bytes are.
        database_url: SQLAlchemy URL of the catalogue; None is SQLite in the directory.

    Example:
        >>> registry = Registry(Path(".mlmagic"), ContentStore(Path(".mlmagic/content")))
        >>> registry.register(estimator, name="iris").model.id  # doctest: +SKIP
        'iris:1'
    """

    def __init__(
        self, directory: Path, content: ContentStore, *, database_url: str | None = None
    ) -> None:
        self.directory = directory
        self.content = content
        self.trust = TrustRecord(directory / "trust.json")
        self._url = database_url

    @cached_property
    def catalogue(self) -> Catalogue:
        """The table of models; opened when first used."""
        from mlmagic.registry.catalogue import Catalogue

        return Catalogue(self.directory, self._url)

    def close(self) -> None:
        """Close the database; it opens again when used."""
        if "catalogue" in self.__dict__:
            self.catalogue.database.close()

    def register(  # noqa: PLR0913 - the options of one verb
        self,
        source: object,
        *,
        name: str,
        sample: Any = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        description: str | None = None,
        framework: str | None = None,
        framework_version: str | None = None,
        new_version: bool = False,
        trust: bool | str = False,
        lineage: Lineage | None = None,
    ) -> Registration:
        """Register a model; equal content under the same name is the same version.

        Args:
            source: A file or folder (``Path`` or text), several of them, or a live object.
            name: By the rules of Azure ML v1.
            sample: A data frame, array, JSON value or bytes; None keeps what is there.
            tags: Changed in place, now or later.
            properties: Never changed afterwards, only added to.
            description: Changed in place; None keeps what is there.
            framework: Instead of the one recognised.
            framework_version: Goes with ``framework``.
            new_version: Make a version even where the content is registered already.
            trust: Accept what the allow-list does not; a text says why. Recorded in the workspace.
            lineage: Where the model comes from.

        Raises:
            UnsafeModelError: A pickle names a global outside the allow-list.
            RegistryError: The name, a path, the sample or the metadata is not usable.
        """
        naming.check_name(name)
        if framework_version is not None and framework is None:
            raise UsageError(
                f"The framework version '{framework_version}' was given without a framework.",
                hint="Name the framework too.",
            )
        chosen = framework and frameworks.framework_named(framework)
        pairs = text_pairs("tags", tags), text_pairs("properties", properties)
        kept = None if sample is None else self._keep_sample(sample)
        with self._files(source) as (files, inspection):
            stored = tuple(self.content.add(path, name=file) for file, path in files.items())
            decide_trust(inspection.findings, stored, self.trust, model=name, trust=trust)
        described = inspection.described
        found = chosen or described.framework
        needs = frameworks.requirements(found, described.loader, described.modules)
        draft = Model(
            name=name,
            version=0,
            files=stored,
            digest=_digest(stored),
            framework=found,
            framework_version=framework_version or frameworks.installed_version(found),
            loader=described.loader,
            requirements=tuple(needs),
            trusted_types=described.trusted_types,
            tags=pairs[0],
            properties=pairs[1],
            description=description or "",
            sample=kept,
            lineage=_with_packages(lineage or Lineage(), needs),
            created_at=datetime.now(UTC),
        )

        return self.catalogue.register(
            draft, lambda known, draft: settle([] if new_version else known, draft)
        )

    def unregistered(self, path: Path) -> tuple[Model, str]:
        """Take a file or folder as version 0 of its name, as Azure ML v1's local deployment does.

        Its content is stored, but nothing is registered.

        Returns:
            The model; and why it must not be loaded, empty where it may.

        Raises:
            RegistryError: It cannot be read.
        """
        found = collect([path])
        stored = tuple(self.content.add(file, name=name) for name, file in found.items())
        name = path.resolve().name[:_UNREGISTERED_NAME]
        described, refused = frameworks.Described(), ""
        try:
            inspection = _inspected(found)
            decide_trust(inspection.findings, stored, self.trust, model=name, trust=False)
            described = inspection.described
        except RegistryError as error:
            refused = str(error)
        needs = frameworks.requirements(described.framework, described.loader, described.modules)
        model = Model(
            name=name,
            version=0,
            files=stored,
            digest=_digest(stored),
            framework=described.framework,
            loader=described.loader,
            requirements=tuple(needs),
            trusted_types=described.trusted_types,
            created_at=datetime.now(UTC),
        )
        return model, refused

    def get(self, reference: str) -> Model:
        """Return ``name`` (its newest version) or ``name:version``.

        Raises:
            ModelNotFoundError: There is none; the message names what exists.
        """
        return self.catalogue.get(reference)

    def list(
        self,
        *,
        name: str | None = None,
        tags: Sequence[str] = (),
        properties: Sequence[str] = (),
        latest: bool = False,
    ) -> list[Model]:
        """Return models by name and version.

        Args:
            name: Of this name only.
            tags: Having all of these, each ``key`` or ``key=value``.
            properties: Likewise.
            latest: Only the newest of each name that matches.
        """
        found = [
            model
            for model in self.catalogue.all(name)
            if matches(model.tags, tags) and matches(model.properties, properties)
        ]
        return list({model.name: model for model in found}.values()) if latest else found

    def names(self) -> builtins.list[str]:
        """Return the names that have a version."""
        return self.catalogue.names()

    def versions(self, name: str) -> builtins.list[int]:
        """Return the versions of a name, oldest first."""
        return self.catalogue.versions(name)

    def update(
        self,
        reference: str,
        *,
        description: str | None = None,
        add_tags: Mapping[str, str] | None = None,
        remove_tags: Sequence[str] = (),
        add_properties: Mapping[str, str] | None = None,
    ) -> Model:
        """Change what may change of a version.

        Raises:
            RegistryError: A property exists already, or a tag to remove does not.
        """
        tags, properties = text_pairs("tags", add_tags), text_pairs("properties", add_properties)

        def edit(model: Model) -> Model:
            missing = [tag for tag in remove_tags if tag not in model.tags]
            if missing:
                raise RegistryError(
                    f"The model '{model.id}' has no tag '{missing[0]}'.",
                    hint=f"Its tags: {', '.join(model.tags) or 'none'}.",
                )
            kept = {key: value for key, value in model.tags.items() if key not in remove_tags}
            return replace(
                model,
                tags=kept | tags,
                properties=merged_properties(model, properties),
                description=model.description if description is None else description,
            )

        return self.catalogue.change(reference, edit)

    def delete(self, reference: str, *, used_by: Sequence[str] = ()) -> Model:
        """Delete one version; its bytes stay until ``verify`` with repair takes unused ones.

        Args:
            reference: ``name`` or ``name:version``.
            used_by: Names of the services that use it.

        Raises:
            ModelInUseError: Services use it.
        """
        model = self.get(reference)
        if used_by:
            services = ", ".join(f"'{service}'" for service in used_by)
            raise ModelInUseError(
                f"The model '{model.id}' cannot be deleted: it is used by {services}.",
                hint="Delete or update the services first.",
            )
        return self.catalogue.remove(model.id)

    def place(self, model: Model, destination: Path) -> None:
        """Put a model's files under a folder, checked against their digests (see ``placing``)."""
        placing.place_files(model, destination, self.content)

    def download(self, reference: str, target_dir: Path, *, overwrite: bool = False) -> Path:
        """Copy a model's files into a folder.

        Returns:
            The file or folder that the model is; the target folder where it is several.

        Raises:
            RegistryError: A file exists already and ``overwrite`` is not given.
        """
        model = self.get(reference)
        tops = sorted({file.path.partition("/")[0] for file in model.files})
        there = [target_dir / top for top in tops if (target_dir / top).exists()]
        if there and not overwrite:
            raise RegistryError(
                f"'{there[0]}' exists already.", hint="Choose another folder, or overwrite it."
            )
        placing.place_files(model, target_dir, self.content, link=False)
        return target_dir / tops[0] if len(tops) == 1 else target_dir

    def verify(
        self, *, repair: bool = False, others: Mapping[str, Collection[ContentFile]] | None = None
    ) -> VerifyReport:
        """Check every content of every model, and look for what was left behind.

        Args:
            repair: Set damaged contents aside, remove old temporaries and - where the others are
                known - contents that nobody uses.
            others: What others than models use, to be checked as well; None where it is not known.
        """
        from mlmagic.registry.verification import verify

        return verify(self.catalogue.all(), self.content, repair=repair, others=others)

    def _keep_sample(self, value: Any) -> Sample:
        read = read_sample(value)
        stored = self.content.add_bytes(read.body, name="sample")
        return Sample(kind=read.kind, shape=read.shape, content=stored)

    @contextmanager
    def _files(self, source: object) -> Iterator[tuple[dict[str, Path], formats.Inspection]]:
        paths = _as_paths(source)
        if paths is not None:
            files = collect(paths)
            yield files, _inspected(files)
            return
        with storage_faults(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory() as folder:
            files, inspection = _dump(source, Path(folder))
            yield files, inspection


def _as_paths(source: object) -> list[Path] | None:
    if isinstance(source, str | Path):
        return [Path(source).expanduser()]
    if (
        isinstance(source, Sequence)
        and source
        and all(isinstance(item, str | Path) for item in source)
    ):
        return [Path(item).expanduser() for item in source]
    return None


def _inspected(files: Mapping[str, Path]) -> formats.Inspection:
    try:
        return formats.merge(
            {name: formats.inspect_file(path, name) for name, path in files.items()}
        )
    except OSError as error:
        raise RegistryError(
            f"The file '{error.filename}' cannot be read ({error.strerror})."
        ) from error


def _dump(value: object, folder: Path) -> tuple[dict[str, Path], formats.Inspection]:
    """Write a live object as a file: safe format first, else a pickle that is then checked."""
    from mlmagic.registry.objects import dump_object

    path, inspection = dump_object(value, folder)
    return {path.name: path}, inspection


def _digest(files: Sequence[ContentFile]) -> str:
    ordered = sorted(files, key=lambda file: file.path)
    return digest_text(*(part for file in ordered for part in (file.path, file.sha256)))


def _with_packages(lineage: Lineage, requirements: Sequence[str]) -> Lineage:
    if lineage.packages:
        return lineage
    pins = (line.partition("==") for line in requirements if "==" in line)
    return replace(lineage, packages={name: version for name, _, version in pins})
