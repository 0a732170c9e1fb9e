"""The verbs of services."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from mlmagic import journal
from mlmagic.cancelling import uncancelled
from mlmagic.errors import ConfigurationError, ServiceExistsError
from mlmagic.workspace.parts import find_again
from mlmagic.workspace.resolving import DeploymentRequest, Resolved, resolve
from mlmagic.workspace.rooms import Rooms, looks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mlmagic.services import Plan, Services, Webservice


class ServiceVerbs(Rooms):
    """Deploy, look at, change and remove services."""

    @cached_property
    def services(self) -> Services:
        """Deployed services, whose handles can update and reload through this workspace."""
        services = super().services
        services.updater = self.update_service
        services.reloader = self._resubmit
        services.checker = partial(find_again, self)
        return services

    @property
    def webservices(self) -> dict[str, Webservice]:
        """The services of this workspace, by name."""
        return {service.name: service for service in self.list_services()}

    def deploy(  # noqa: PLR0913 - the options of one verb
        self,
        name: str,
        *,
        models: Sequence[str | Path] = (),
        script: str | Path | None = None,
        source_directory: str | Path | None = None,
        environment: str | None = None,
        inference_config: str | Mapping[str, Any] | None = None,
        deployment_config: str | Mapping[str, Any] | None = None,
        target: str | None = None,
        variables: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        sample: object = None,
        allow: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        v1_compute_type: str | None = None,
        primary_key: str | None = None,
        secondary_key: str | None = None,
        collect_model_data: bool | None = None,
        description: str | None = None,
        overwrite: bool | None = None,
        plan: bool = False,
        wait: bool | None = None,
        timeout: float | None = None,
        on_event: Callable[[str], None] | None = None,
        **config: Any,
    ) -> Webservice | Plan:
        """Deploy a service, or bring an existing one to this specification.

        An unchanged specification does nothing; a changed one updates in place without losing a
        request. Follows ``Model.deploy`` of Azure ML v1, but for the existing name.

        Args:
            name: 3 to 32 lower-case letters, digits and ``-``; starts with a letter.
            models: Registered models (``name`` or ``name:version``) or paths of unregistered ones.
            script: The entry script; None takes the inference configuration's.
            source_directory: Folder that travels with the script.
            environment: Name or file of an environment; None finds one.
            inference_config: Name or file of an inference configuration, or v1's keys as data.
            deployment_config: Name or file of a deployment configuration, or v1's keys as data.
            target: Compute target; None is the setting ``default_target``.
            variables: Environment variables of the service.
            secrets: Name to file; the service reads the files, nothing else shows them.
            sample: Test request; None takes the first model's sample.
            allow: Files that look like secrets and may travel all the same.
            tags: Labels of the service.
            properties: Facts about it.
            v1_compute_type: ``Local``, ``ACI`` or ``AKS``: what it was in Azure ML v1; None takes
                the deployment configuration's.
            primary_key: The first key; None makes a random one.
            secondary_key: The second key likewise.
            collect_model_data: Whether the script's ``ModelDataCollector`` writes.
            description: What the service is.
            overwrite: Replace a service of this name on another target. False refuses any of
                this name but local ones, as ``az ml`` did; None brings one to this specification.
            plan: Change nothing; return what would change.
            wait: Wait until Healthy; None waits when nobody watches (headless).
            timeout: Seconds to wait; None is the setting ``deploy_timeout_seconds``.
            on_event: Receives lines of progress.
            **config: Fields of the target's deployment configuration (``port``, ``cpu``, …).

        Returns:
            The service; with ``plan``, the plan.

        Raises:
            ConfigurationError: An option, a name or a file is wrong.
            ServiceExistsError: A service of this name is not to be replaced.
            DeploymentFailedError: It was waited for and did not become Healthy.
        """
        refusal = self._refusal(name) if overwrite is False else None
        if refusal and not plan:
            raise refusal
        request = DeploymentRequest(
            name=name,
            models=tuple(models),
            script=script,
            source_directory=source_directory,
            environment=environment,
            inference_config=inference_config,
            deployment_config=deployment_config,
            target=target,
            variables=variables,
            secrets=secrets,
            sample=sample,
            allow=tuple(allow),
            tags=tags,
            properties=properties,
            v1_compute_type=v1_compute_type,
            primary_key=primary_key,
            secondary_key=secondary_key,
            collect_model_data=collect_model_data,
            description=description,
            config={key: value for key, value in config.items() if value is not None},
        )
        resolved = resolve(self, request, on_event=on_event)
        if plan:
            found = self.services.plan(resolved.spec)
            return replace(found, problem=f"{refusal}") if refusal else found
        service = self._submit(resolved, overwrite=bool(overwrite))
        return self._settle(service, wait=wait, timeout=timeout, on_event=on_event)

    @looks
    def update_service(
        self,
        name: str,
        *,
        wait: bool | None = None,
        timeout: float | None = None,
        plan: bool = False,
        on_event: Callable[[str], None] | None = None,
        **changes: Any,
    ) -> Webservice | Plan:
        """Change the named parts of a service; what is not given stays (v1's ``update``).

        Args:
            name: The service.
            wait: As for `deploy`.
            timeout: As for `deploy`.
            plan: As for `deploy`.
            on_event: As for `deploy`.
            **changes: Options of `deploy`, and ``add_tags``, ``remove_tags``,
                ``add_properties``; what only describes the service changes in place.

        Raises:
            ConfigurationError: Nothing is given.
        """
        current = self.services.get(name)
        known = DeploymentRequest.__dataclass_fields__
        config = {key: value for key, value in changes.items() if key not in known}
        parts = {key: value for key, value in changes.items() if key in known}
        parts.pop("overwrite", None)
        request = DeploymentRequest(
            name=name, **parts, config={k: v for k, v in config.items() if v is not None}
        )
        resolved = resolve(self, request, base=current.record, on_event=on_event)
        if plan:
            return self.services.plan(resolved.spec)
        return self._settle(self._submit(resolved), wait=wait, timeout=timeout, on_event=on_event)

    def list_services(
        self,
        *,
        compute_type: str | None = None,
        model_name: str | None = None,
        model_id: str | None = None,
        tags: Sequence[str] = (),
        properties: Sequence[str] = (),
    ) -> list[Webservice]:
        """List the services of this workspace, by name; all conditions must hold.

        Args:
            compute_type: Only those on this kind of target, or deployed as this of v1's.
            model_name: Serving a version of this model.
            model_id: Serving this version, ``name:version``.
            tags: Having each of these, ``key`` or ``key=value``.
            properties: Likewise.
        """
        found = self.services.list() if self.exists else []
        if not (compute_type or model_name or model_id or tags or properties):
            return found
        specs = [(service, service.record.spec) for service in found]
        return [
            service
            for service, spec in specs
            if compute_type is None
            or compute_type.lower() in (spec.compute_type.lower(), spec.config.compute_type)
            if any(
                model_name in (None, model.name) and model_id in (None, model.id)
                for model in spec.models
            )
            or not (model_name or model_id)
            if _holds(spec.tags, tags) and _holds(spec.properties, properties)
        ]

    @looks
    def show_service(self, name: str) -> Webservice:
        """Return the handle of a service.

        Raises:
            ServiceNotFoundError: There is none; the message names the nearest.
        """
        return self.services.get(name)

    def attach_service(
        self, name: str, *, target: str, dns_name_label: str | None = None
    ) -> Webservice:
        """Take up a service that another machine deployed, and return its handle.

        Args:
            name: The service.
            target: Where it runs.
            dns_name_label: Its container's name, where several workspaces have a service of the
                name on the engine.

        Raises:
            ServiceNotFoundError: The target has none of this name.
            TargetError: It has several.
        """
        return self.services.attach(name, target, label=dns_name_label)

    @looks
    def service_logs(
        self, name: str, *, tail: int = 100, follow: bool = False, timeout: float | None = None
    ) -> str | Iterator[str]:
        """Return the last lines of a service's log.

        Args:
            name: The service.
            tail: How many lines.
            follow: Return an iterator of these lines and of those that come.
            timeout: Seconds after which following ends; None follows until the service is deleted.

        Raises:
            ConfigurationError: There is a timeout without ``follow``.
        """
        service = self.services.get(name)
        if follow:
            return service.follow_logs(tail, timeout)
        if timeout is not None:
            raise ConfigurationError("'--timeout' ends what '--follow' follows; give both.")
        return service.get_logs(num_lines=tail)

    @looks
    def service_events(self, name: str) -> str:
        """Return what happened to a service, the oldest first."""
        return "\n".join(self.services.get(name).events())

    @looks
    def export_service(self, name: str) -> str:
        """Return the objects of a service in a cluster as YAML, for GitOps.

        Raises:
            TargetError: It does not run in a cluster.
        """
        import yaml

        return yaml.safe_dump_all(self.services.get(name).export(), sort_keys=False)

    @looks
    def scale_service(
        self,
        name: str,
        *,
        replicas: int,
        wait: bool | None = None,
        timeout: float | None = None,
        on_event: Callable[[str], None] | None = None,
    ) -> Webservice | Plan:
        """Change the number of a service's pods, or of its workers on this machine."""
        return self.update_service(
            name, wait=wait, timeout=timeout, on_event=on_event, replicas=replicas
        )

    @looks
    def run_service(self, name: str, data: Any = None) -> Any:
        """Score data, or the service's sample, and return the decoded answer."""
        service = self.services.get(name)
        return service.run(service.sample_body if data is None else data)

    @looks
    def service_keys(self, name: str) -> tuple[str, str]:
        """Return the primary and the secondary key."""
        return self.services.get(name).get_keys()

    @looks
    def regenerate_key(self, name: str, key: str, *, set_key: str | None = None) -> None:
        """Replace the ``Primary`` or ``Secondary`` key without a restart."""
        self.services.get(name).regen_key(key, set_key=set_key)

    @looks
    def stop_service(self, name: str) -> Webservice:
        """Stop a service; `start_service` brings it back."""
        service = self.services.get(name)
        service.stop()
        return service

    @looks
    def start_service(self, name: str) -> Webservice:
        """Start a stopped service, or one that a reboot ended."""
        service = self.services.get(name)
        service.start()
        return service

    @looks
    def restart_service(self, name: str) -> Webservice:
        """Start the workers anew without losing a request."""
        service = self.services.get(name)
        service.restart()
        return service

    @looks
    def reload_service(self, name: str) -> Webservice:
        """Take the entry script and its files anew from where they lay (v1's ``reload``)."""
        service = self.services.get(name)
        service.reload()
        return service

    @looks
    def rollback_service(self, name: str, *, to: int | None = None) -> Webservice:
        """Go back to an earlier revision; None is the one before the current."""
        service = self.services.get(name)
        service.rollback(to=to)
        return service

    @looks
    def delete_service(self, name: str) -> str:
        """Delete a service with its keys, logs and revisions, and return its name."""
        self.services.delete(name)
        return name

    def _refusal(self, name: str) -> ServiceExistsError | None:
        """Return what v1 said of a deployment under the name of a service that it kept."""
        if not self.exists or name not in self.services.names():
            return None
        spec = self.services.record(name).spec
        if spec.compute_type.lower() == "local":
            return None
        return ServiceExistsError(
            f"There is a service '{name}' already, on target '{spec.target}'.",
            hint=f"Update it by this line with --overwrite, or parts of it with "
            f"'%ml service update {name}'; or choose another name.",
        )

    def _resubmit(self, name: str) -> Webservice:
        request = DeploymentRequest(name=name, reload=True)
        resolved = resolve(self, request, base=self.services.record(name))
        return self._submit(resolved, note="reload")

    def _submit(self, resolved: Resolved, *, overwrite: bool = False, note: str = "") -> Webservice:
        with uncancelled():  # from here on it has a name, by which it is stopped and deleted
            service = self.services.submit(
                resolved.spec,
                origin=resolved.origin,
                script_path=resolved.script_path,
                source_directory=resolved.source_directory,
                secrets=resolved.secrets,
                overwrite=overwrite,
                note=note,
            )
            service.set_keys(*resolved.keys)
        journal.note("deploy", root=str(self.root), name=service.name, outcome=service.outcome)
        return service

    def _settle(
        self,
        service: Webservice,
        *,
        wait: bool | None,
        timeout: float | None,
        on_event: Callable[[str], None] | None,
    ) -> Webservice:
        if self.settings.headless if wait is None else wait:
            seconds = self.settings.deploy_timeout_seconds if timeout is None else timeout
            service.wait_for_deployment(timeout_sec=seconds, on_event=on_event)
        return service


def _holds(labels: Mapping[str, str], wanted: Sequence[str]) -> bool:
    """Whether there are all of ``key`` and ``key=value``."""
    pairs = [each.partition("=") for each in wanted]
    return all(key in labels and (not is_pair or labels[key] == v) for key, is_pair, v in pairs)
