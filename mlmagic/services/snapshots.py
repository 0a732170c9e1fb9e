"""A service as plain JSON values, for panels and programs; never with its keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlmagic.errors import MlmagicError, ServiceNotFoundError
from mlmagic.services.diagnosis import commands

if TYPE_CHECKING:
    from mlmagic.entities import Replica, Revision, ServiceRecord, ServiceStatus
    from mlmagic.services.webservice import Webservice

_UNKNOWN = ("target", "computeType", "description", "createdTime", "updatedTime")


def snapshot(service: Webservice) -> dict[str, Any]:
    """Look at a service once and tell all."""
    status = service.status
    try:
        record = service.record
    except MlmagicError:
        record = None
    return {
        "name": service.name,
        **_of_status(status),
        "scoringUri": _or_none(service, "scoring_uri"),
        "internalUri": _or_none(service, "internal_uri"),
        "swaggerUri": _or_none(service, "swagger_uri"),
        "addressKind": _or_none(service, "address_kind") or "",
        **_of_record(record),
        "sample": _sample(service, record),
        "commands": commands(status, service.name),
        "updatedAt": datetime.now(UTC).isoformat(),
    }


def _of_status(status: ServiceStatus) -> dict[str, Any]:
    return {
        "state": str(status.state),
        "reason": str(status.reason),
        "message": status.message,
        "nextStep": status.next_step,
        "stage": status.stage,
        "traceback": status.traceback,
        "replicasWanted": status.replicas_wanted,
        "replicas": [_replica(replica) for replica in status.replicas],
        "generation": status.generation,
    }


def _of_record(record: ServiceRecord | None) -> dict[str, Any]:
    if record is None:
        return dict.fromkeys(_UNKNOWN, "") | {
            "auth": "none", "revisions": [], "models": [], "tags": {}, "properties": {},
        }  # fmt: skip
    spec = record.spec
    return {
        "target": record.target,
        "computeType": spec.compute_type,
        "description": spec.description,
        "tags": spec.tags,
        "properties": spec.properties,
        "createdTime": record.created_at.isoformat(),
        "updatedTime": record.updated_at.isoformat(),
        "auth": record.spec.config.auth,
        "revisions": [_revision(revision, record) for revision in record.revisions],
        "models": [model.id for model in record.spec.models],
    }


def _replica(replica: Replica) -> dict[str, Any]:
    return {
        "name": replica.name,
        "ready": replica.ready,
        "stage": replica.stage,
        "restarts": replica.restarts,
        "startedAt": replica.started_at.isoformat() if replica.started_at else None,
        "memoryBytes": replica.memory_bytes,
    }


def _revision(revision: Revision, record: ServiceRecord) -> dict[str, Any]:
    return {
        "generation": revision.generation,
        "createdAt": revision.created_at.isoformat(),
        "note": revision.note,
        "current": revision.generation == record.current,
    }


def _sample(service: Webservice, record: ServiceRecord | None) -> dict[str, Any] | None:
    if record is None or record.spec.sample is None:
        return None
    try:
        body = service.sample_body
    except MlmagicError:
        return None
    if isinstance(body, bytes):
        return None
    return {"mediaType": record.spec.sample.media_type, "text": body}


def _or_none(service: Webservice, name: str) -> str | None:
    try:
        address: str | None = getattr(service, name)
    except (ServiceNotFoundError, MlmagicError):
        return None
    return address
