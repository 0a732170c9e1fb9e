"""The verbs of services."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlmagic import journal
from mlmagic.workspace.resolving import DeploymentRequest, Resolved, resolve
from mlmagic.workspace.rooms import Rooms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
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
        inference_config: str | None = None,
        deployment_config: str | None = None,
        target: str | None = None,
        variables: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        sample: object = None,
        allow: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        overwrite: bool = False,
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
            inference_config: Name or file of an inference configuration.
            deployment_config: Name or file of a deployment configuration.
            target: Compute target; None is the setting ``default_target``.
            variables: Environment variables of the service.
            secrets: Name to file; the service reads the files, nothing else shows them.
            sample: Test request; None takes the first model's sample.
            allow: Files that look like secrets and may travel all the same.
            tags: Labels of the service.
            description: What the service is.
            overwrite: Replace a service of this name on another target.
            plan: Change nothing; return what would change.
            wait: Wait until Healthy; None waits when nobody watches (headless).
            timeout: Seconds to wait; None is the setting ``deploy_timeout_seconds``.
            on_event: Receives lines of progress.
            **config: Fields of the target's deployment configuration (``port``, ``cpu``, …).

        Returns:
            The service; with ``plan``, the plan.

        Raises:
            ConfigurationError: An option, a name or a file is wrong.
            DeploymentFailedError: It was waited for and did not become Healthy.
        """
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
            description=description,
            config={key: value for key, value in config.items() if value is not None},
        )
        resolved = resolve(self, request, on_event=on_event)
        if plan:
            return self.services.plan(resolved.spec)
        service = self._submit(resolved, overwrite=overwrite)
        return self._settle(service, wait=wait, timeout=timeout, on_event=on_event)

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
            **changes: Options of `deploy`.

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

    def list_services(self) -> list[Webservice]:
        """List the services of this workspace, by name."""
        return self.services.list() if self.exists else []

    def show_service(self, name: str) -> Webservice:
        """Return the handle of a service.

        Raises:
            ServiceNotFoundError: There is none; the message names the nearest.
        """
        return self.services.get(name)

    def service_logs(self, name: str, *, tail: int = 100) -> str:
        """Return the last lines of a service's log."""
        return self.services.get(name).get_logs(num_lines=tail)

    def run_service(self, name: str, data: Any = None) -> Any:
        """Score data, or the service's sample, and return the decoded answer."""
        service = self.services.get(name)
        return service.run(service.sample_body if data is None else data)

    def service_keys(self, name: str) -> tuple[str, str]:
        """Return the primary and the secondary key."""
        return self.services.get(name).get_keys()

    def regenerate_key(self, name: str, key: str, *, set_key: str | None = None) -> None:
        """Replace the ``Primary`` or ``Secondary`` key without a restart."""
        self.services.get(name).regen_key(key, set_key=set_key)

    def stop_service(self, name: str) -> Webservice:
        """Stop a service; `start_service` brings it back."""
        service = self.services.get(name)
        service.stop()
        return service

    def start_service(self, name: str) -> Webservice:
        """Start a stopped service, or one that a reboot ended."""
        service = self.services.get(name)
        service.start()
        return service

    def restart_service(self, name: str) -> Webservice:
        """Start the workers anew without losing a request."""
        service = self.services.get(name)
        service.restart()
        return service

    def reload_service(self, name: str) -> Webservice:
        """Take the entry script and its files anew from where they lay (v1's ``reload``)."""
        service = self.services.get(name)
        service.reload()
        return service

    def rollback_service(self, name: str, *, to: int | None = None) -> Webservice:
        """Go back to an earlier revision; None is the one before the current."""
        service = self.services.get(name)
        service.rollback(to=to)
        return service

    def delete_service(self, name: str) -> str:
        """Delete a service with its keys, logs and revisions, and return its name."""
        self.services.delete(name)
        return name

    def _resubmit(self, name: str) -> Webservice:
        request = DeploymentRequest(name=name, reload=True)
        resolved = resolve(self, request, base=self.services.record(name))
        return self._submit(resolved, note="reload")

    def _submit(self, resolved: Resolved, *, overwrite: bool = False, note: str = "") -> Webservice:
        service = self.services.submit(
            resolved.spec,
            origin=resolved.origin,
            script_path=resolved.script_path,
            source_directory=resolved.source_directory,
            secrets=resolved.secrets,
            overwrite=overwrite,
            note=note,
        )
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
