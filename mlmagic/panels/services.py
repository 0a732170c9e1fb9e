"""The Python half of the services panel: every service of a workspace, in one table."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import traitlets
from ipywidgets import widget_serialization

from mlmagic.errors import MlmagicError
from mlmagic.panels.panel import STATIC, Panel, kept
from mlmagic.panels.service import ServicePanel, panel_of
from mlmagic.presentation import Shown, services_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmagic.services import News, Traffic
    from mlmagic.workspace import Workspace

KEPT_READINGS = 30


class ServicesPanel(Panel):
    """A live view of all services of a workspace, whatever their targets.

    ``services`` has a row for each, by name; ``checked`` is when the newest of them came.
    ``opened`` is the service that is shown beneath, in ``panel``.

    Args:
        workspace: Whose services are shown.
    """

    _esm = STATIC / "services.js"

    services: Any = traitlets.List().tag(sync=True)
    checked = traitlets.Unicode().tag(sync=True)
    opened = traitlets.Unicode().tag(sync=True)
    panel: Any = traitlets.Instance(ServicePanel, allow_none=True).tag(
        sync=True, **widget_serialization
    )

    def __init__(self, workspace: Workspace) -> None:
        from mlmagic.services import watch_value

        self.workspace = workspace
        self._snapshots: dict[str, dict[str, Any]] = {}
        self._readings: dict[str, deque[Traffic]] = {}
        self._ends: dict[str, Callable[[], None]] = {}
        self._unwatch: Callable[[], None] = lambda: None
        for handle in workspace.list_services():
            self._snapshots[handle.name] = handle.snapshot()
        super().__init__(checked=_now())
        self._send_newest()
        self.commands = {"open": self._open, "delete": self._delete}
        self._unwatch = watch_value(self._names, self._follow)

    def close(self) -> None:
        """Stop watching and take the views away; the services go on."""
        self._unwatch()
        with self._lock:
            for end in self._ends.values():
                end()
            self._ends.clear()
        super().close()

    def _names(self) -> list[str]:
        return self.workspace.services.names() if self.workspace.exists else []

    def _follow(self, names: list[str]) -> None:
        """Watch the services that came, and forget those that went."""
        from mlmagic.services import watch

        with self._lock:
            for name in self._ends.keys() - set(names):
                self._ends.pop(name)()
                self._snapshots.pop(name, None)
                self._readings.pop(name, None)
            for name in self._snapshots.keys() - set(names):
                self._snapshots.pop(name)
            for name in names:
                if name not in self._ends:
                    handle = self.workspace.show_service(name)
                    self._ends[name] = watch(handle, self._publish)
            self._send_soon(at_once=True)

    def _publish(self, news: News) -> None:
        """Take news of one service from its watcher's thread."""
        name = news.snapshot["name"]
        with self._lock:
            if name not in self._ends:
                return
            readings = self._readings.setdefault(name, deque(maxlen=KEPT_READINGS))
            if news.traffic is not None:
                readings.append(news.traffic)
            before = self._snapshots.get(name)
            self._snapshots[name] = now = news.snapshot
            self._send_soon(at_once=before is None or before["state"] != now["state"])

    def _send_traits(self) -> None:
        rows = [_row(now, list(self._readings.get(now["name"], ()))) for now in self._sorted()]
        if rows != self.services:
            self.services = rows
            self.checked = _now()
            if self.opened not in self._snapshots:  # its row was what closes it
                self.opened, self.panel = "", None

    def _present(self) -> Shown:
        snapshots = self._sorted()
        return Shown((services_table(snapshots),), snapshots)

    def _sorted(self) -> list[dict[str, Any]]:
        return [self._snapshots[name] for name in sorted(self._snapshots)]

    def _open(self, args: dict[str, Any]) -> None:
        """Show a service beneath the table; the empty name none."""
        name = str(args["name"])
        panel = panel_of(self.workspace.show_service(name)) if name else None
        with self.hold_sync():
            self.opened, self.panel = name, panel

    def _delete(self, args: dict[str, Any]) -> dict[str, str]:
        """Delete services; what could not be deleted is told with its reason."""
        failures = {}
        for name in map(str, args["names"]):
            try:
                self.workspace.delete_service(name)
            except MlmagicError as error:
                failures[name] = str(error)
        return failures


def services_panel(workspace: Workspace) -> ServicesPanel:
    """Return the services panel of a workspace, made where this kernel has none yet."""
    return kept(_panels, workspace.root, lambda: ServicesPanel(workspace))


_panels: dict[Path, ServicesPanel] = {}


def _row(snapshot: dict[str, Any], readings: list[Traffic]) -> dict[str, Any]:
    copied = ("name", "target", "state", "reason", "message", "models", "scoringUri")
    return {
        **{key: snapshot[key] for key in copied},
        "ready": sum(bool(replica["ready"]) for replica in snapshot["replicas"]),
        "wanted": snapshot["replicasWanted"],
        "rates": [round(reading.rate, 2) for reading in readings],
        "errors": [round(reading.errors, 4) for reading in readings],
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()
