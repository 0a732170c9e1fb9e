"""An image: a base, layers on it, and a configuration that is the same wherever it is built."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlmagic.files import digest_bytes
from mlmagic.images.bases import LABELS
from mlmagic.images.places import APP_ROOT, PORT, PYTHON, RUNTIME, USER, VENV
from mlmagic.images.tars import CREATED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmagic.images.bases import Base
    from mlmagic.images.layers import Layer

_SECOND = 1_000_000_000
_SOURCE = "AZUREML_SOURCE_DIRECTORY"
# Keys guard scoring, not readiness.
_PROBE = (
    "import http.client as h; c = h.HTTPConnection('127.0.0.1', "
    f"{PORT}, timeout=5); c.request('GET', '/ready'); "
    "raise SystemExit(c.getresponse().status != 200)"
)
HEALTHCHECK: dict[str, Any] = {
    "Test": ["CMD", PYTHON, "-I", "-S", "-c", _PROBE],
    "Interval": 10 * _SECOND,
    "Timeout": 10 * _SECOND,
    "StartPeriod": 600 * _SECOND,
    "Retries": 3,
}


@dataclass(frozen=True)
class Image:
    """An image that has been put together, and may be anywhere or nowhere yet.

    Attributes:
        base: What it stands on.
        layers: Our layers, the lowest first.
        config: Its configuration, as OCI has it.
    """

    base: Base
    layers: tuple[Layer, ...]
    config: dict[str, Any] = field(repr=False)

    @cached_property
    def configuration(self) -> bytes:
        """The bytes whose digest is the image's id."""
        return json.dumps(self.config, sort_keys=True, separators=(",", ":")).encode()

    @cached_property
    def id(self) -> str:
        """``sha256:`` and 64 digits: equal on every engine and in every registry."""
        return f"sha256:{digest_bytes(self.configuration)}"

    @property
    def short(self) -> str:
        """The first twelve digits of the id, for people and tags."""
        return self.id.removeprefix("sha256:")[:12]

    @property
    def diff_ids(self) -> tuple[str, ...]:
        """All layers, the base's first."""
        return (*self.base.configuration.layers, *(layer.diff_id for layer in self.layers))

    @property
    def size(self) -> int:
        """Bytes of our layers, uncompressed."""
        return sum(layer.size for layer in self.layers)


def make_image(
    base: Base,
    layers: tuple[Layer, ...],
    *,
    command: tuple[str, ...] = (),
    variables: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    serves: bool = True,
) -> Image:
    """Put an image together.

    Nothing of the base's configuration that depends on where it is kept is taken over, so that
    an engine and a registry give equal ids.

    Args:
        base: The base.
        layers: Layers on it.
        command: What it runs.
        variables: Further environment variables; ours win.
        labels: Labels.
        serves: Whether it is a service, with a port and a health check.
    """
    of_base = base.configuration
    given = {**of_base.environment, **(variables or {})}
    if base.is_ours and _SOURCE not in (variables or {}):
        given.pop(_SOURCE, None)  # it named the folder of the base's own service
    search = given.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    paths = [f"/{RUNTIME}", (variables or {}).get("PYTHONPATH", "")]
    environment = {
        **given,
        "PATH": f"/{VENV}/bin:{search}",
        "PYTHONPATH": ":".join(path for path in paths if path),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "VIRTUAL_ENV": f"/{VENV}",
        "AML_APP_ROOT": f"/{APP_ROOT}",
    }
    environment.setdefault("HOME", "/tmp")  # noqa: S108 - the folder that any user may write
    inner: dict[str, Any] = {
        "User": USER,
        "WorkingDir": f"/{APP_ROOT}" if serves else "/",
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "Cmd": list(command) or None,
        "Labels": {**_foreign(of_base.labels), **(labels or {})},
        "StopSignal": "SIGTERM",
    }
    if serves:
        inner |= {"ExposedPorts": {f"{PORT}/tcp": {}}, "Healthcheck": HEALTHCHECK}
    titles = [*("base" for _ in of_base.layers), *(layer.title for layer in layers)]
    config: dict[str, Any] = {
        "architecture": of_base.architecture,
        "os": "linux",
        "created": CREATED,
        "config": {name: value for name, value in inner.items() if value},
        "rootfs": {
            "type": "layers",
            "diff_ids": [*of_base.layers, *(layer.diff_id for layer in layers)],
        },
        "history": [{"created": CREATED, "created_by": f"mlmagic: {title}"} for title in titles],
    }
    if of_base.variant:
        config["variant"] = of_base.variant
    return Image(base, layers, config)


def _foreign(labels: Mapping[str, str]) -> dict[str, str]:
    """Leave out what we said of another service, whose image the base is."""
    return {name: value for name, value in labels.items() if not name.startswith(LABELS)}
