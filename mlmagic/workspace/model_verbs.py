"""The verbs of models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from mlmagic import journal
from mlmagic.entities import Resources
from mlmagic.errors import ModelNotFoundError
from mlmagic.files import write_atomically
from mlmagic.workspace.lineage import lineage_of
from mlmagic.workspace.rooms import Rooms, looks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlmagic.entities import (
        AliasMove,
        CellOrigin,
        ContentFile,
        Model,
        ModelDetails,
        Registration,
    )
    from mlmagic.registry import GarbageReport, Meter, VerifyReport
    from mlmagic.services import Change


class ModelVerbs(Rooms):
    """Register, find, change and remove models."""

    @property
    def models(self) -> dict[str, Model]:
        """The newest version of each registered model, by name."""
        return {model.name: model for model in self.list_models(latest=True)}

    def register_model(  # noqa: PLR0913 - the options of one verb
        self,
        source: object = None,
        *,
        name: str | None = None,
        child_paths: Sequence[str] = (),
        run_id: str | None = None,
        asset_path: str | None = None,
        experiment_name: str | None = None,
        tracking_uri: str | None = None,
        iteration: int | None = None,
        metric: str | None = None,
        direction: Literal["maximize", "minimize"] | None = None,
        build: Callable[[Any], object] | None = None,
        metadata_file: str | Path | None = None,
        cell: CellOrigin | None = None,
        notebook: str | None = None,
        on_event: Callable[[str], None] | None = None,
        meter: Meter | None = None,
        **details: Unpack[ModelDetails],
    ) -> Registration:
        """Register a model under a name; equal content is the same version.

        Of a search or a study (scikit-learn, Optuna, FLAML, AutoGluon), the best trial by its own
        primary metric is registered, unless an iteration or a metric is named.

        Args:
            source: A live model, a path, several paths, an address (``https://``, ``s3://``, …; of
                an archive, what is in it), a search, a study, or a run of MLflow.
            name: 1 to 255 letters, digits, ``-``, ``.``, ``_``. Searches and studies give one of
                their own where it is missing, as Azure ML v1 did.
            child_paths: Of a folder, only these files and folders in it.
            run_id: A run of this workspace or of MLflow, in place of a source.
            asset_path: Which of its files, or the name of a model that it logged; the model's name
                where it is missing.
            experiment_name: The experiment that the run has to belong to.
            tracking_uri: Where the run is; None goes by ``MLFLOW_TRACKING_URI``.
            iteration: Of a search or a study, this trial.
            metric: Likewise, the best by this metric.
            direction: Whether larger or smaller is better; None goes by the search, else by the
                metric's name.
            build: Makes the fitted model of a trial - from its parameters; of an Optuna study from
                the trial - where the search kept none.
            metadata_file: Written afterwards: v1's JSON with ``modelId``.
            cell: The cell that registers, for the lineage.
            notebook: The notebook that registers, for the lineage.
            on_event: Receives lines of progress.
            meter: Hears how far it is, and may cancel it from another thread.
            details: Sample, tags, properties, description and more: ``entities.ModelDetails``.

        Raises:
            RegistryError: The source, a name or a value is not usable; nothing is registered.
            RegistrationCancelledError: The meter was cancelled; nothing is registered.
            UnsafeModelError: A pickle calls something outside the allow-list.
            UsageError: Two things contradict each other, such as iteration and metric.

        Example:
            >>> workspace.register_model("model.onnx", name="mnist")  # doctest: +SKIP
            >>> workspace.register_model(search, name="churn", metric="f1")  # doctest: +SKIP
        """
        from mlmagic.registry.obtaining import Wanted, obtain

        wanted = Wanted(
            run_id=run_id,
            asset_path=asset_path,
            experiment_name=experiment_name,
            tracking_uri=tracking_uri,
            iteration=iteration,
            metric=metric,
            direction=direction,
            build=build,
        )
        runs = self.state_directory / "runs"
        with obtain(source, name, wanted, runs=runs, meter=meter) as found:
            registration = self.registry.register(
                found.source,
                name=found.name,
                child_paths=child_paths,
                lineage=found.lineage(lineage_of(self.root, cell=cell, notebook=notebook)),
                on_event=on_event,
                meter=meter,
                **details,
            )
        journal.note("register", id=registration.model.id, outcome=registration.outcome)
        if metadata_file is not None:
            self._write_metadata(Path(metadata_file), registration.model)
        return registration

    def list_models(  # noqa: PLR0913 - what users look for
        self,
        *,
        name: str | None = None,
        tags: Sequence[str] = (),
        properties: Sequence[str] = (),
        run_id: str | None = None,
        framework: str | None = None,
        dataset: str | None = None,
        parent: str | None = None,
        search: str | None = None,
        used_by: str | None = None,
        latest: bool = False,
        archived: bool = False,
        order_by: str | None = None,
        top: int | None = None,
        skip: int = 0,
    ) -> list[Model]:
        """List models by name and version; all conditions must hold.

        Args:
            name: Only versions of this model.
            tags: Having each of these, ``key`` or ``key=value``.
            properties: Likewise.
            run_id: Registered from this run.
            framework: Of this framework.
            dataset: Made with this data.
            parent: Derived from this version, named as for `show_model`.
            search: Words in name, description, tags or properties, in any case.
            used_by: Used by a revision of this service.
            latest: Only the newest of each name among those that match.
            archived: The archived ones, too.
            order_by: ``name``, ``version``, ``created_at``, ``framework`` or ``metrics.NAME``;
                ``-`` in front turns it round.
            top: At most so many.
            skip: After so many.
        """
        if not self.exists and self.settings.database_url is None:
            return []
        query: dict[str, Any] = {
            "name": name,
            "tags": tags,
            "properties": properties,
            "run_id": run_id,
            "framework": framework,
            "dataset": dataset,
            "parent": parent and self.show_model(parent).id,
            "search": search,
            "latest": latest,
            "archived": archived,
            "order_by": order_by,
            "top": top,
            "skip": skip,
        }
        if used_by is not None:
            users = self.services.models_in_use()
            query["ids"] = [model for model, services in users.items() if used_by in services]
        return self.registry.list(**query)

    def models_frame(self, **query: Any) -> Any:
        """Return models as a pandas data frame, one row each; metrics are columns of their own.

        Args:
            query: As for ``list_models``.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        from mlmagic.registry.frame import models_frame

        return models_frame(self.list_models(**query))

    @looks
    def show_model(self, model: str, *, run_id: str | None = None) -> Model:
        """Return a model by ``name`` (the newest), ``name:version`` or ``name@alias``.

        Args:
            model: The reference.
            run_id: Only a version registered from this run.

        Raises:
            ModelNotFoundError: There is none; the message names the nearest.
        """
        found = self.registry.get(model)
        if run_id is None:
            return found
        of_run = self.list_models(name=found.name, run_id=run_id, archived=True)
        if model != found.name:
            of_run = [each for each in of_run if each.id == found.id]
        if not of_run:
            raise ModelNotFoundError(
                f"The model '{model}' was not registered from the run '{run_id}'.",
                hint=f"See which were: model list --run-id {run_id}.",
            )
        return max(of_run, key=lambda each: each.version)

    @looks
    def compare_models(self, before: str, after: str) -> tuple[Change, ...]:
        """Say in words how one version differs from another.

        Args:
            before: Reference of a model, as for `show_model`.
            after: Likewise.

        Raises:
            ModelNotFoundError: There is none of them.
        """
        from mlmagic.workspace.comparing import model_differences

        return model_differences(self.show_model(before), self.show_model(after))

    def download_model(
        self, model: str, *, target_dir: str | Path = ".", overwrite: bool = False
    ) -> Path:
        """Write a model's files into a folder and return their common path.

        Raises:
            RegistryError: A file exists and ``overwrite`` is not given.
        """
        return self.registry.download(model, Path(target_dir), overwrite=overwrite)

    @looks
    def update_model(  # noqa: PLR0913 - what may change of a model
        self,
        model: str,
        *,
        description: str | None = None,
        add_tags: Mapping[str, str] | None = None,
        remove_tags: Sequence[str] = (),
        add_properties: Mapping[str, str] | None = None,
        cpu: float | None = None,
        memory_gb: float | None = None,
        gpu: int | None = None,
        add_datasets: Mapping[str, Sequence[str]] | None = None,
        sample: object = None,
        sample_output: object = None,
    ) -> Model:
        """Change a model's description, tags or properties (properties can only be added).

        Args:
            model: Reference of the model.
            description: The new one.
            add_tags: Set, whether they were there or not.
            remove_tags: Taken away.
            add_properties: New ones; existing ones cannot change.
            cpu: Cores that serving it needs.
            memory_gb: Memory that serving it needs, in units of 10⁹ bytes.
            gpu: Accelerators that serving it needs.
            add_datasets: Scenario to references of data, for the lineage.
            sample: A sample input in place of the old one.
            sample_output: Likewise, the answer to it.
        """
        return self.registry.update(
            model,
            description=description,
            add_tags=add_tags,
            remove_tags=remove_tags,
            add_properties=add_properties,
            resources=Resources(cpu=cpu, memory_gb=memory_gb, gpu=gpu),
            add_datasets=add_datasets,
            sample=sample,
            sample_output=sample_output,
        )

    @looks
    def delete_model(self, model: str) -> Model:
        """Delete one version of a model.

        Raises:
            ModelInUseError: Services use it; the message names them.
            DamagedRecordError: Nobody knows what one of the services uses.
        """
        found = self.registry.get(model)
        users = self.services.models_in_use().get(found.id, [])
        return self.registry.delete(found.id, used_by=users)

    @looks
    def archive_model(self, model: str) -> Model:
        """Hide a version from lists; all else about it keeps working.

        Its name alone then stands for the newest version that is not archived.
        """
        return self.registry.archive(model)

    @looks
    def restore_model(self, model: str) -> Model:
        """Show an archived version in lists again."""
        return self.registry.archive(model, restore=True)

    @looks
    def set_model_alias(self, model: str, *, alias: str) -> Model:
        """Point an alias, such as ``champion``, at a version; it moves in one step.

        Args:
            model: Reference of the model.
            alias: 1 to 64 letters, digits, ``-``, ``.``, ``_``; starts with a letter.
        """
        return self.registry.set_alias(model, alias)

    @looks
    def remove_model_alias(self, model: str) -> Model:
        """Take an alias away.

        Args:
            model: ``name@alias``.

        Returns:
            The model that it pointed at.
        """
        from mlmagic.errors import UsageError

        name, _, alias = model.partition("@")
        if not alias:
            raise UsageError(f"'{model}' names no alias.", hint="Write 'NAME@ALIAS'.")
        return self.registry.remove_alias(name, alias)

    @looks
    def model_alias_history(self, model: str) -> list[AliasMove]:
        """Return how the aliases of a model moved, oldest first.

        Args:
            model: ``name``, or ``name@alias`` for one of them.
        """
        name, _, alias = model.partition("@")
        return self.registry.alias_history(name.partition(":")[0], alias or None)

    @looks
    def verify_models(self, *, repair: bool = False) -> VerifyReport:
        """Check every stored file against its digest, and repair what can be.

        Args:
            repair: Also remove what neither a model nor a revision of a service uses.
        """
        return self.registry.verify(repair=repair, others=self._used_by_services())

    @looks
    def collect_model_garbage(
        self, *, grace_hours: float = 1.0, dry_run: bool = False
    ) -> GarbageReport:
        """Remove contents that neither a model nor a revision of a service uses.

        Args:
            grace_hours: What was used more recently stays.
            dry_run: Only say what would go.
        """
        others = self._used_by_services()
        return self.registry.collect_garbage(
            others=None if others is None else [file for used in others.values() for file in used],
            grace_seconds=grace_hours * 3600,
            dry_run=dry_run,
        )

    def _write_metadata(self, path: Path, model: Model) -> None:
        """Write what the commands of Azure ML v1 hand on to one another."""
        facts = {
            "workspaceName": self.name,
            "resourceGroupName": self.v1.get("resource_group", "local"),
            "modelId": model.id,
        }
        write_atomically(path, json.dumps(facts, indent=4) + "\n")

    def _used_by_services(self) -> dict[str, tuple[ContentFile, ...]] | None:
        """What services use; None where a record is damaged: then nothing may go."""
        names = self.services.names()
        records = {record.name: record for record in self.services.readable()}
        if len(records) != len(names):
            return None
        return {
            f"service '{name}'": tuple(
                dict.fromkeys(file for r in record.revisions for file in r.spec.content)
            )
            for name, record in records.items()
        }
