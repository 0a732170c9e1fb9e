"""How the containers of a service are made."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mlmagic import configurations
from mlmagic.errors import ConfigurationError
from mlmagic.images.images import serve_command
from mlmagic.images.places import KEYS_FILE, PORT, PYTHON
from mlmagic.scoring.secret import DIRECTORY_VARIABLE
from mlmagic.targets.docker import labels
from mlmagic.targets.docker.parts import FRONTS, ROOM, SECRETS, SERVING, STATE

if TYPE_CHECKING:
    from mlmagic.entities import DockerDeploymentConfig, ServiceRecord
    from mlmagic.targets.docker.parts import ServiceParts

_SECOND = 1_000_000_000
_TOKEN_BYTES = 4
_FRONT_BYTES = 64 * 2**20
_LOG_SIZE, _LOG_FILES = "10m", "3"
_VOLUME_PARTS = (2, 3)
_HALF = 512  # of SELinux's 1024 categories
# Of the two routes that tell readiness, the one that leaves no line in the service's log.
_PROBE = (
    "import http.client as h; c = h.HTTPConnection('127.0.0.1', "
    f"{PORT}, timeout=5); c.request('GET', '/'); raise SystemExit(c.getresponse().status != 200)"
)


@dataclass(frozen=True, kw_only=True)
class Entrance:
    """Where a service listens, and which front does.

    Attributes:
        token: Names the front's socket in the volume.
        address: Interface of the engine's host.
        port: Port of the engine's host.
    """

    token: str
    address: str
    port: int


def new_token() -> str:
    """Return what tells a container from others of its service."""
    return secrets.token_hex(_TOKEN_BYTES)


def front_name(config: DockerDeploymentConfig, service: str) -> str:
    """Return the name that users know a service's container by."""
    return config.dns_name_label or service


def shape(config: DockerDeploymentConfig, service: str) -> str:
    """Return what a front is made from; where it changes, another takes its place."""
    networks = ",".join(config.networks)
    return f"{front_name(config, service)} {config.address} {networks}"


def front_options(
    parts: ServiceParts, config: DockerDeploymentConfig, image: str, entrance: Entrance
) -> dict[str, Any]:
    """Return what the front's container is created with."""
    return _common(parts, config) | {
        "image": image,
        "name": front_name(config, parts.name),
        "command": [
            *(PYTHON, "-P", "-m", "mlmagic.scoring.front"),
            *("--port", str(PORT), "--socket", f"{ROOM}/{FRONTS}/{entrance.token}"),
        ],
        "ports": {f"{PORT}/tcp": (entrance.address, entrance.port)},
        "restart_policy": {"Name": config.restart},
        "mem_limit": _FRONT_BYTES,
        "healthcheck": {
            "test": ["CMD", PYTHON, "-I", "-S", "-c", _PROBE],
            "interval": 30 * _SECOND,
            "timeout": 10 * _SECOND,
            "start_period": 600 * _SECOND,
        },
        "labels": {
            **labels.own(parts.name, parts.owner, labels.FRONT),
            labels.ENTRANCE: entrance.token,
            labels.SHAPE: shape(config, parts.name),
            labels.ADDRESS: entrance.address,
            labels.PORT: str(entrance.port),
        },
    }


def revision_options(
    parts: ServiceParts,
    record: ServiceRecord,
    config: DockerDeploymentConfig,
    *,
    image: str,
    entrance: Entrance,
    token: str,
    heeds_turns: bool,
) -> dict[str, Any]:
    """Return what a revision's container is created with.

    It is not restarted before it has been ready once: a start that fails is told, not repeated.

    Args:
        parts: The service's.
        record: The service; its current revision is meant.
        config: Its configuration.
        image: The revision's image.
        entrance: Where it accepts connections, once the service is handed over to it.
        token: Names the container.
        heeds_turns: Whether the server in the image knows ``--serving-file``.
    """
    turns = ("--serving-file", f"{ROOM}/{STATE}/{SERVING}", "--instance", token)
    command = [
        *serve_command(record.spec, keys_file=KEYS_FILE),
        *("--listener-from", f"{ROOM}/{FRONTS}/{entrance.token}"),
        *("--status-file", f"{ROOM}/{STATE}/{token}.json"),
        *("--generation", str(record.current)),
        *(turns if heeds_turns else ("--accept-when-ready",)),
    ]
    folder = f"{ROOM}/{SECRETS}/{record.current}"
    options = _common(parts, config) | {
        "image": image,
        "name": f"{front_name(config, parts.name)}-r{record.current}-{token}",
        "command": command,
        "environment": {DIRECTORY_VARIABLE: folder if record.spec.secrets else ""},
        "restart_policy": {"Name": "no"},
        "healthcheck": {"test": ["NONE"]},  # the front's says whether the service answers
        "labels": {
            **labels.own(parts.name, parts.owner, labels.REVISION),
            labels.GENERATION: str(record.current),
            labels.SPEC: record.spec.digest,
            labels.INSTANCE: token,
            labels.ENTRANCE: entrance.token,
            labels.ADDRESS: entrance.address,
            labels.PORT: str(entrance.port),
            labels.RECORD: labels.packed_record(record),
        },
    }
    options["mounts"] += [_user_mount(volume) for volume in config.volumes]
    if config.memory is not None:
        limit = configurations.memory_bytes(config.memory) * config.workers
        options |= {"mem_limit": limit, "memswap_limit": limit}
    if config.cpu is not None:
        options["nano_cpus"] = int(configurations.cpu_cores(config.cpu) * config.workers * 1e9)
    if config.gpus is not None:
        options["device_requests"] = [_gpus(config.gpus)]
    return options


def check_volumes(config: DockerDeploymentConfig) -> None:
    """Make sure that the volumes are written as they have to be.

    Raises:
        ConfigurationError: One is not.
    """
    for volume in config.volumes:
        _user_mount(volume)


def _common(parts: ServiceParts, config: DockerDeploymentConfig) -> dict[str, Any]:
    """Return what makes a container of ours harmless."""
    from docker.types import LogConfig, Mount

    limits = {"max-size": _LOG_SIZE, "max-file": _LOG_FILES}
    return {
        "mounts": [Mount(ROOM, parts.volume, type="volume")],
        "read_only": True,
        "tmpfs": {"/tmp": ""},  # noqa: S108 - in the container
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", f"label=level:{_level(parts.volume)}"],
        "log_config": LogConfig(type="json-file", config=limits),
        **({"network": config.networks[0]} if config.networks else {}),
    }


def _level(volume: str) -> str:
    """Return the SELinux level that containers of one service share, as they share the socket."""
    digest = hashlib.sha256(volume.encode()).digest()
    low = int.from_bytes(digest[:2]) % _HALF
    high = _HALF + int.from_bytes(digest[2:4]) % _HALF
    return f"s0:c{low},c{high}"


def _user_mount(volume: str) -> Any:
    from docker.types import Mount

    words = volume.split(":")
    target = words[1] if len(words) in _VOLUME_PARTS else ""
    if not target.startswith("/") or not words[0] or words[2:] not in ([], ["ro"], ["rw"]):
        raise ConfigurationError(
            f"The volume '{volume}' is not written as SOURCE:TARGET[:ro].",
            hint="SOURCE is a volume's name or a folder of the engine's host, TARGET a path in "
            "the container.",
        )
    if target.rstrip("/") in ("", "/var/azureml-app", "/opt/mlmagic", ROOM):
        raise ConfigurationError(
            f"The volume '{volume}' would hide the service itself.", hint="Choose another TARGET."
        )
    kind: Literal["bind", "volume"] = "bind" if words[0].startswith("/") else "volume"
    return Mount(target, words[0], type=kind, read_only=words[2:] == ["ro"])


def _gpus(wanted: str) -> Any:
    from docker.types import DeviceRequest

    if wanted != "all" and not wanted.isdigit():
        raise ConfigurationError(f"The GPUs '{wanted}' are neither a number nor 'all'.")
    return DeviceRequest(count=-1 if wanted == "all" else int(wanted), capabilities=[["gpu"]])
