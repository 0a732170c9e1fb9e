"""The Python half of the environment panel: the packages of a lock, beside those of the kernel."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import traitlets

from mlmagic.addresses import without_secrets
from mlmagic.environments import kernel_stamp, locked_packages, locked_versions
from mlmagic.errors import CancelledError, EnvironmentNotFoundError
from mlmagic.panels.panel import STATIC, Panel, kept
from mlmagic.panels.working import Work
from mlmagic.presentation import Facts, Lines, environment_facts, present

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmagic.environments import EnvironmentEntry, LockedPackage
    from mlmagic.presentation import Shown
    from mlmagic.workspace import Workspace

    Args = dict[str, Any]

_IDENTITY_LENGTH = 12
_REMOVED = "The environment is removed; this is what it was."


class EnvironmentPanel(Panel):
    """A live view of one environment of a workspace.

    ``environment`` has what is known of it and its locked packages, each with where it comes from
    and what the kernel has of it; ``others`` the locks that it can be compared with. One that is
    removed is shown as it was last, and says so. ``work`` says how far the choice of versions is.

    Args:
        workspace: Whose environment is shown.
        name: Its name, or the beginning of its lock's identity.

    Raises:
        EnvironmentNotFoundError: There is none.
    """

    _esm = STATIC / "environment.js"

    environment: Any = traitlets.Dict().tag(sync=True)
    others: Any = traitlets.List().tag(sync=True)
    work: Any = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    checked = traitlets.Unicode().tag(sync=True)

    def __init__(self, workspace: Workspace, name: str) -> None:
        from mlmagic.services import watch_value

        self.workspace = workspace
        self._name = name
        self._is_removed = False
        self._work = Work(self._send_soon, "under way")
        self._unwatch: Callable[[], None] = lambda: None
        super().__init__()
        try:
            self._entries = workspace.list_environments()
            self._shown = self._look_up()
        except BaseException:
            self.close()
            raise
        self._send_newest()
        self.commands = {
            "versions": self._versions,
            "lock": self._lock_versions,
            "cancel": self._work.cancel,
        }
        self._unwatch = watch_value(self._stamp, lambda _stamp: self._look_again())

    def close(self) -> None:
        """Stop watching and take the views away."""
        self._unwatch()
        super().close()

    def _stamp(self) -> tuple[Any, ...]:
        """What changes with the environment, its services, or the packages of the kernel."""
        services = self.workspace.services.names() if self.workspace.exists else []
        return self.workspace.environments.stamp(), services, kernel_stamp()

    def _look_up(self) -> EnvironmentEntry:
        found = self.workspace.show_environment(self._name)
        if isinstance(found, dict):
            raise EnvironmentNotFoundError(
                f"'{self._name}' is an environment object of Azure ML v1, which has no packages.",
                hint="Name it without its version.",
            )
        return found

    def _look_again(self) -> None:
        with self._lock:
            self._entries = self.workspace.list_environments()
            try:
                self._shown = self._look_up()
                self._is_removed = False
            except EnvironmentNotFoundError:
                self._is_removed = True  # until one of its name is there again
            self._send_soon()

    def _send_traits(self) -> None:
        self.environment = _described(self._shown) | {"isRemoved": self._is_removed}
        self.others = [
            {"identity": entry.identity, "label": f"{entry.name} ({entry.lock.short})"}
            for entry in self._entries
            if entry.lock is not None and entry.identity != self._shown.identity
        ]
        self.work = self._work.told
        self.checked = datetime.now(UTC).isoformat()

    def _present(self) -> Shown:
        shown = present(self._shown)
        if self._is_removed:
            shown = replace(shown, blocks=(Lines((_REMOVED, "")), *shown.blocks))
        return shown

    def _versions(self, args: Args) -> dict[str, str]:
        """Tell the packages of another lock."""
        identity = str(args["identity"])
        for entry in self._entries:
            if entry.lock is not None and entry.identity == identity:
                return locked_versions(entry.lock)
        raise EnvironmentNotFoundError(
            f"There is no lock '{identity[:_IDENTITY_LENGTH]}' any more.",
            hint="Choose another one.",
        )

    def _lock_versions(self, _args: Args) -> None:
        """Choose the versions now, as a deployment would."""
        words = "The choice of versions was cancelled; nothing was chosen."
        with self._work.doing("choice of versions", CancelledError(words)) as meter:
            self.workspace.environments.lock(self._look_up().environment, on_event=meter.begin)
        self._look_again()


def environment_panel(workspace: Workspace, name: str) -> EnvironmentPanel:
    """Return the panel of an environment, made where this kernel has none yet."""
    return kept(_panels, (workspace.root, name), lambda: EnvironmentPanel(workspace, name))


_panels: dict[tuple[Path, str], EnvironmentPanel] = {}


def _described(entry: EnvironmentEntry) -> dict[str, Any]:
    facts = Facts(environment_facts(entry)).kept()
    return {
        "name": entry.name,
        "isLocked": entry.lock is not None,
        "facts": [list(fact) for fact in facts if fact[0] != "name"],
        "packages": [_row(package) for package in locked_packages(entry)],
    }


def _row(package: LockedPackage) -> dict[str, Any]:
    here = package.here
    return {
        "name": package.name,
        "version": package.version,
        "origin": package.origin,
        "place": without_secrets(package.place),
        "reason": package.reason,
        "kernel": None
        if here is None
        else {
            "version": here.version,
            "origin": here.origin,
            "place": str(here.local or without_secrets(here.url or "")),
            "differs": package.differs,
        },
    }
