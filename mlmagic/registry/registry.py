"""The models of a workspace."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from mlmagic.entities import Resources, Sample
from mlmagic.errors import ModelInUseError, RegistryError, Remark, UnsafeModelError, UsageError
from mlmagic.registry import formats, frameworks, naming, placing
from mlmagic.registry.drafts import (
    Kept,
    Said,
    checked_resources,
    current_user,
    digest_of,
    draft_model,
    is_from_address,
    plain_requirement,
    public_lineage,
)
from mlmagic.registry.faults import storage_faults
from mlmagic.registry.metadata import edited, settle, text_pairs
from mlmagic.registry.model_folders import LEFT_OUT
from mlmagic.registry.queries import ModelQuery
from mlmagic.registry.safety import decide_trust
from mlmagic.registry.samples import read_sample
from mlmagic.registry.sharing import Sharing
from mlmagic.registry.sources import as_paths, changed, collect, stamps
from mlmagic.registry.trust import TrustRecord

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from mlmagic.entities import (
        AliasMove,
        ContentFile,
        Lineage,
        Model,
        ModelDetails,
        Registration,
    )
    from mlmagic.registry.catalogue import Catalogue
    from mlmagic.registry.collecting import GarbageReport
    from mlmagic.registry.content import ContentStore
    from mlmagic.registry.metering import Meter
    from mlmagic.registry.verification import VerifyReport

_UNREGISTERED_NAME = 30  # characters of the base name, as v1's local deployment keeps


class Registry:
    """Names, versions and files of models.

    Content is written first and found by nobody; one transaction of the catalogue then makes the
    version visible. A process killed in between leaves nothing but bytes for ``collect_garbage``.

    Args:
        directory: The workspace's ``.mlmagic``.
        content: Where the files' bytes are, with the shared store behind it, if there is one.
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

    @cached_property
    def sharing(self) -> Sharing:
        """How contents get into the shared store, if there is one, and stay there."""
        return Sharing(self.content, lambda: self.catalogue)

    def close(self) -> None:
        """Close the database; it opens again when used."""
        if "catalogue" in self.__dict__:
            self.catalogue.database.close()

    def register(
        self,
        source: object,
        *,
        name: str,
        lineage: Lineage | None = None,
        child_paths: Sequence[str] = (),
        on_event: Callable[[str], None] | None = None,
        meter: Meter | None = None,
        **details: Unpack[ModelDetails],
    ) -> Registration:
        """Register a model; equal content under the same name is the same version.

        Args:
            source: A file or folder (``Path`` or text), several of them, or a live object.
            name: By the rules of Azure ML v1.
            lineage: Where the model comes from.
            child_paths: Of a folder, only these files and folders in it.
            on_event: Receives lines of progress.
            meter: Hears how far it is, and may cancel it.
            details: See ``entities.ModelDetails``. A sample, description, tags or properties that
                are not given stay as they are where the content is registered already.

        Raises:
            UnsafeModelError: A pickle names a global outside the allow-list.
            RegistryError: The name, a path, the sample or the metadata is not usable.
        """
        naming.check_name(name)
        said = Said.check(details, lineage)
        trust, new = details.get("trust", False), details.get("new_version", False)
        samples = [self._keep_sample(details.get(key)) for key in ("sample", "sample_output")]
        if said.lineage.parent is not None:
            parent = self.get(said.lineage.parent).id
            said = replace(said, lineage=replace(said.lineage, parent=parent))
        with self._files(source, child_paths, details, meter) as (files, inspection):
            stored = self.content.add_all(files, shared=self.sharing.active, meter=meter)
            decide_trust(inspection.findings, stored, self.trust, model=name, trust=trust)
        described = inspection.described
        if on_event is not None and (lines := described.facts.get(LEFT_OUT)):
            on_event(Remark(f"not required, as they name no package: {lines}"))
        kept = Kept(
            files=stored,
            described=described,
            sample=samples[0] or self._keep_sample(described.example),
            sample_output=samples[1],
        )
        draft = replace(draft_model(name, kept, said), needs_trust=self._trusted(stored))
        return self.register_draft(draft, new=new, on_event=on_event, meter=meter)

    def adopt(self, model: Model, paths: Sequence[Path], *, trust: bool | str) -> Registration:
        """Register a model that another registry described.

        What it says of loading is not believed: the files are inspected again.

        Args:
            model: The record; the contents of its sample, signatures and card are in the store.
            paths: Its files.
            trust: As for ``register``.

        Raises:
            UnsafeModelError: A pickle names a global outside the allow-list.
            RegistryError: The record is not usable.
        """
        naming.check_name(model.name)
        files = collect(paths)
        inspection = formats.inspect_files(files)
        stored = self.content.add_all(files, shared=self.sharing.active)
        if digest_of(stored) != model.digest:
            raise RegistryError(f"The files of '{model.id}' are not those of its record.")
        decide_trust(inspection.findings, stored, self.trust, model=model.name, trust=trust)
        described = inspection.described
        requirements = tuple(map(plain_requirement, model.requirements))
        for line in filter(is_from_address, requirements):
            if line not in described.requirements and not trust:  # those of files were looked at
                raise UnsafeModelError(
                    f"The record of '{model.id}' requires '{line}', from an address.",
                    hint="If you trust where it comes from, import it with trust (--trust).",
                )
        draft = replace(
            model,
            version=0,
            files=stored,
            needs_trust=self._trusted(stored),
            framework=frameworks.framework_named(model.framework),
            loader=described.loader,
            trusted_types=described.trusted_types,
            requirements=requirements,
            tags=text_pairs("tags", model.tags),
            properties=text_pairs("properties", model.properties),
            archived=False,
            aliases=(),
            lineage=public_lineage(model.lineage),
        )
        return self.register_draft(draft)

    def register_draft(
        self,
        draft: Model,
        *,
        new: bool = False,
        on_event: Callable[[str], None] | None = None,
        meter: Meter | None = None,
    ) -> Registration:
        """Register a model whose contents are in the workspace's store.

        Args:
            draft: The model; its version is set here.
            new: Make a version even where the content is registered already.
            on_event: Receives lines of progress.
            meter: Hears how far it is, and may cancel it.
        """
        return self.sharing.commit(
            draft.contents,
            lambda claimed: self.catalogue.register(
                draft,
                lambda known, draft: settle([] if new else known, draft),
                claimed=claimed,
            ),
            on_event,
            meter,
        )

    def unregistered(self, path: Path) -> Model:
        """Take a file or folder as version 0 of its name, as Azure ML v1's local deployment does.

        Its content is stored, but nothing is registered.

        Raises:
            UnsafeModelError: Registering it would need trust, and nobody gave it.
            RegistryError: It cannot be read.
        """
        name = path.resolve().name[:_UNREGISTERED_NAME]
        with self._files(path, (), {}) as (files, inspection):
            stored = self.content.add_all(files)
            decide_trust(inspection.findings, stored, self.trust, model=name, trust=False)
        return draft_model(name, Kept(files=stored, described=inspection.described))

    def check_trust(self, model: Model) -> None:
        """Refuse a model that needs trust, unless this workspace gave it.

        Raises:
            UnsafeModelError: The trust was taken back, or given in another workspace only.
        """
        self.trust.check(model)
        for digest in self.trust.lacking(model.needs_trust):
            raise UnsafeModelError(
                f"The model '{model.id}' holds '{model.needs_trust[digest][0]}', which whoever"
                " registered it trusted, but nobody in this workspace.",
                hint=f"If you trust it too: %ml model download {model.id}, and register these files"
                " under the same name with trust (--trust).",
            )

    def get(self, reference: str) -> Model:
        """Return ``name`` (its newest version), ``name:version`` or ``name@alias``.

        Raises:
            ModelNotFoundError: There is none; the message names what exists.
        """
        return self.catalogue.get(reference)

    def list(self, **query: Any) -> list[Model]:
        """Return the models that match; see ``queries.ModelQuery`` for the keywords."""
        return self.catalogue.find(ModelQuery(**query))

    def count(self, **query: Any) -> int:
        """Say how many models match, without regard to ``top`` and ``skip``."""
        return self.catalogue.count(ModelQuery(**query))

    def names(self) -> builtins.list[str]:
        """Return the names that have a version."""
        return self.catalogue.names()

    def versions(self, name: str) -> builtins.list[int]:
        """Return the versions of a name, oldest first."""
        return self.catalogue.versions(name)

    def update(  # noqa: PLR0913 - what may change of a model
        self,
        reference: str,
        *,
        description: str | None = None,
        add_tags: Mapping[str, str] | None = None,
        remove_tags: Sequence[str] = (),
        add_properties: Mapping[str, str] | None = None,
        resources: Resources | None = None,
        add_datasets: Mapping[str, Sequence[str]] | None = None,
        sample: object = None,
        sample_output: object = None,
    ) -> Model:
        """Change what may change of a version.

        Raises:
            RegistryError: A property exists already, or a tag to remove does not.
        """
        kept = self._keep_sample(sample), self._keep_sample(sample_output)
        wanted = checked_resources(resources or Resources())

        def edit(model: Model) -> Model:
            changed = edited(
                model,
                description=description,
                add_tags=add_tags,
                remove_tags=remove_tags,
                add_properties=add_properties,
                add_datasets=add_datasets,
            )
            return replace(
                changed,
                resources=model.resources.with_changes(wanted),
                sample=kept[0] or model.sample,
                sample_output=kept[1] or model.sample_output,
            )

        new = [each.content for each in kept if each is not None]
        return self.change(reference, edit, new)

    def change(
        self, reference: str, edit: Callable[[Model], Model], new: Sequence[ContentFile] = ()
    ) -> Model:
        """Rewrite the record of a version, which may name new contents."""
        if not new:
            return self.catalogue.change(reference, edit)
        return self.sharing.commit(
            new, lambda claimed: self.catalogue.change(reference, edit, claimed=claimed)
        )

    def archive(self, reference: str, *, restore: bool = False) -> Model:
        """Hide a version from lists, or show it again."""
        return self.change(reference, lambda model: replace(model, archived=not restore))

    def set_alias(self, reference: str, alias: str) -> Model:
        """Point an alias at a version, wherever it pointed before, in one step.

        Raises:
            RegistryError: The alias is not a name.
        """
        from mlmagic.registry.aliases import check_alias

        check_alias(alias)
        return self.catalogue.move_alias(reference, alias, who=current_user())

    def remove_alias(self, name: str, alias: str) -> Model:
        """Take an alias away; return the model that it pointed at."""
        return self.catalogue.remove_alias(name, alias, who=current_user())

    def alias_history(self, name: str, alias: str | None = None) -> builtins.list[AliasMove]:
        """Return how the aliases of a name moved, oldest first."""
        return self.catalogue.alias_history(name, alias)

    def delete(self, reference: str, *, used_by: Sequence[str] = ()) -> Model:
        """Delete one version; its bytes stay until ``collect_garbage`` takes unused ones.

        Args:
            reference: ``name``, ``name:version`` or ``name@alias``.
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
        return self.catalogue.remove(model.id, claimed=self.sharing.active)

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
            repair: Set damaged contents aside, upload again what is whole here and missing from
                the shared store or damaged there (which is read whole), and collect garbage.
            others: What others than models use, to be checked as well; None where it is not known.
        """
        from mlmagic.registry.verification import verify

        return verify(self, repair=repair, others=others)

    def collect_garbage(
        self,
        *,
        others: Collection[ContentFile] | None = None,
        grace_seconds: float = 3600.0,
        dry_run: bool = False,
    ) -> GarbageReport:
        """Remove contents that nobody uses, and files left half written.

        Args:
            others: What others than models use here; None where it is not known: then nothing of
                the workspace's own store goes.
            grace_seconds: What was used more recently stays: it may belong to a registration that
                is under way.
            dry_run: Only say what would go.
        """
        from mlmagic.registry.collecting import collect_garbage

        return collect_garbage(self, others=others, grace_seconds=grace_seconds, dry_run=dry_run)

    def _trusted(self, files: Sequence[ContentFile]) -> dict[str, tuple[str, ...]]:
        digests = {file.sha256 for file in files}
        known = self.trust.decisions()
        mine = (each for each in known if each.sha256 in digests and not each.revoked_at)
        return {each.sha256: each.names for each in mine}

    def _keep_sample(self, value: object) -> Sample | None:
        if value is None:
            return None
        read = read_sample(value)
        stored = self.content.add_bytes(read.body, name="sample", shared=self.sharing.active)
        return Sample(kind=read.kind, shape=read.shape, content=stored)

    @contextmanager
    def _files(
        self,
        source: object,
        child_paths: Sequence[str],
        details: ModelDetails,
        meter: Meter | None = None,
    ) -> Iterator[tuple[dict[str, Path], formats.Inspection]]:
        paths, convert = as_paths(source), details.get("convert")
        if paths is not None:
            if convert is not None:
                raise UsageError(
                    f"Files are not converted to '{convert}', only live models are.",
                    hint="Load the model in the notebook, and register the object.",
                )
            files = collect(paths, child_paths)
            before = stamps(files)
            yield files, formats.inspect_files(files, meter)
            # What was stored has to be what was inspected, and all of it.
            after = stamps(collect(paths, child_paths))
            for name in before.keys() | after.keys():
                if before.get(name) != after.get(name):
                    raise changed(name)
            return
        from mlmagic.registry.objects import dump_converted, dump_object

        with storage_faults(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory() as folder:
            path, inspection = (
                dump_object(source, Path(folder))
                if convert is None
                else dump_converted(source, details.get("sample"), Path(folder))
            )
            yield collect([path]), inspection
