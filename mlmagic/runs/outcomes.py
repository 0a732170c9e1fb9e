"""What a run left behind in its workspaces, and taking it away again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlmagic.entities import ServiceState
from mlmagic.errors import (
    ConfigurationError,
    DeploymentFailedError,
    MlmagicError,
    ServiceNotFoundError,
)
from mlmagic.runs.result import ModelOutcome, ServiceOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlmagic.services import Webservice


def models_of(entries: Sequence[dict[str, Any]]) -> tuple[ModelOutcome, ...]:
    """Return the models that a journal tells of, each once, with what happened first."""
    outcomes: dict[str, str] = {}
    for entry in entries:
        if entry["kind"] == "register":
            outcomes.setdefault(entry["id"], entry["outcome"])
    return tuple(ModelOutcome(id=id_, outcome=outcome) for id_, outcome in outcomes.items())


def services_of(
    entries: Sequence[dict[str, Any]], progress: Callable[[str], None], *, wait: bool = True
) -> tuple[ServiceOutcome, ...]:
    """Return the services that a journal tells of, in their present state.

    Args:
        entries: The journal.
        progress: Receives lines of progress.
        wait: Wait for deployments that no cell waited for, so that their state is final.
    """
    outcomes: dict[tuple[str, str], str] = {}
    for entry in entries:
        if entry["kind"] == "deploy":
            outcomes.setdefault((entry["root"], entry["name"]), entry["outcome"])
    if wait:
        for root, name in outcomes:
            _wait(root, name, progress)
    return tuple(_look(root, name, outcome) for (root, name), outcome in outcomes.items())


def delete_created(
    services: Sequence[ServiceOutcome], progress: Callable[[str], None]
) -> tuple[ServiceOutcome, ...]:
    """Delete the services that the run created; those it found there stay."""
    return tuple(
        _delete(service, progress) if service.outcome == "created" else service
        for service in services
    )


def _look(root: str, name: str, outcome: str) -> ServiceOutcome:
    found = _open(root, name)
    if found is None:
        return ServiceOutcome(
            name=name, outcome=outcome, workspace=root, state=ServiceState.DELETED
        )
    seen = found.snapshot()
    return ServiceOutcome(
        name=name,
        outcome=outcome,
        workspace=root,
        state=ServiceState(seen["state"]),
        reason=seen["reason"],
        message=seen["message"],
        next_step=seen["nextStep"],
        scoring_uri=seen["scoringUri"],
        models=tuple(seen["models"]),
    )


def _wait(root: str, name: str, progress: Callable[[str], None]) -> None:
    from mlmagic.workspace import Workspace

    service = _open(root, name)
    if service is None or service.state is not ServiceState.TRANSITIONING:
        return
    progress(f"Waiting for the service '{name}'")
    with suppress(DeploymentFailedError):  # its state tells
        service.wait_for_deployment(timeout_sec=Workspace(root).settings.deploy_timeout_seconds)


def _delete(service: ServiceOutcome, progress: Callable[[str], None]) -> ServiceOutcome:
    found = _open(service.workspace, service.name)
    if found is None:
        return service
    try:
        found.delete()
    except MlmagicError as error:
        progress(f"The service '{service.name}' was not deleted: {error}")
        return service
    progress(f"Deleted the service '{service.name}'")
    return replace(service, deleted=True)


def _open(root: str, name: str) -> Webservice | None:
    """Attach to a service; None where it or its workspace is gone."""
    from mlmagic.workspace import Workspace

    try:
        return Workspace(root).show_service(name)
    except (ServiceNotFoundError, ConfigurationError):
        return None
