"""The Python half of the models panel: the registry of a workspace, looked at and changed."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import traitlets
from ipywidgets import widget_serialization

from mlmagic.errors import MlmagicError, ModelNotFoundError, UsageError
from mlmagic.panels.deploy import DeployPanel
from mlmagic.panels.panel import STATIC, Panel, kept
from mlmagic.panels.working import Work
from mlmagic.presentation import facts_of, present

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlmagic.entities import Model, Sample
    from mlmagic.presentation import Shown
    from mlmagic.workspace import Workspace

    Args = dict[str, Any]

SHOWN = 200
_CONDITIONS = 4
_TEXT_LENGTH = 5_000  # of samples and cards


class ModelsPanel(Panel):
    """A live view of the models that a workspace has registered.

    ``models`` has the newest version of each name, as many as are shown at once; ``more`` says
    whether there are others. Older versions, and what is searched for, come as answers.
    ``opened`` is the version whose details are shown, ``form`` the deploy panel beneath.
    ``registration`` says how far the one that runs is, or why the last one came to nothing.

    Args:
        workspace: Whose models are shown.
    """

    _esm = STATIC / "models.js"

    models: Any = traitlets.List().tag(sync=True)
    more = traitlets.Bool(default_value=False).tag(sync=True)
    registration: Any = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    checked = traitlets.Unicode().tag(sync=True)
    opened = traitlets.Unicode().tag(sync=True)
    form: Any = traitlets.Instance(DeployPanel, allow_none=True).tag(
        sync=True, **widget_serialization
    )

    def __init__(self, workspace: Workspace) -> None:
        from mlmagic.services import watch_value

        self.workspace = workspace
        self._models: list[Model] = []
        self._work = Work(self._send_soon, "being registered")
        self._unwatch: Callable[[], None] = lambda: None
        super().__init__()
        self._publish(self._newest())
        self.commands = {
            "search": self._search,
            "details": self._details,
            "open": self._open,
            "compare": self._compare,
            "register": self._register,
            "cancel": self._work.cancel,
            "delete": self._delete,
            "deploy": self._deploy,
        }
        self._unwatch = watch_value(self._newest, self._publish)

    def close(self) -> None:
        """Stop watching and take the views away."""
        self._unwatch()
        if self.form is not None:
            self.form.close()
        super().close()

    def _newest(self) -> list[Model]:
        return self.workspace.list_models(latest=True, top=SHOWN + 1)

    def _publish(self, models: list[Model]) -> None:
        self._models = models
        try:
            if self.opened:
                self.workspace.show_model(self.opened)
        except ModelNotFoundError:
            self.opened = ""
        self._send_soon()

    def _send_traits(self) -> None:
        self.models = list(map(_row, self._models[:SHOWN]))
        self.more = len(self._models) > SHOWN
        self.registration = self._work.told
        self.checked = datetime.now(UTC).isoformat()

    def _present(self) -> Shown:
        return present(self._models[:SHOWN], kind="Model")

    def _search(self, args: Args) -> dict[str, Any]:
        found = find_models(self.workspace, str(args["text"]), latest=not args["all"])
        return {"models": list(map(_row, found[:SHOWN])), "more": len(found) > SHOWN}

    def _details(self, args: Args) -> dict[str, Any]:
        try:
            model = self.workspace.show_model(str(args["id"]))
        except ModelNotFoundError:
            self._publish(self._newest())  # an older version deleted elsewhere is no news of rows
            raise
        return {
            "id": model.id,
            "facts": [list(fact) for fact in facts_of(model).kept() if fact[0] not in _APART],
            "files": [[f.path, f.size, f.sha256] for f in model.files[:SHOWN]],
            "fileCount": len(model.files),
            "sample": self._text(model.sample),
            "card": _cut(self.workspace.model_card(model.id).text),
            "usedBy": self.workspace.services.models_in_use().get(model.id, []),
            "versions": [each.version for each in self.workspace.list_models(name=model.name)],
        }

    def _open(self, args: Args) -> None:
        """Show the details of a version beneath the table; the empty name none."""
        self.opened = str(args["id"])

    def _text(self, sample: Sample | None) -> str:
        """The sample as people may read it."""
        if sample is None:
            return ""
        if sample.kind == "bytes":
            return f"{sample.content.size:,} bytes"
        try:
            text = self.workspace.content.read_bytes(sample.content).decode(errors="replace")
        except MlmagicError as error:
            return str(error)
        return _cut(text)

    def _compare(self, args: Args) -> list[dict[str, str]]:
        changes = self.workspace.compare_models(str(args["before"]), str(args["after"]))
        return [asdict(change) for change in changes]

    def _register(self, args: Args) -> dict[str, str]:
        path, name = str(args["path"]).strip(), str(args["name"]).strip()
        if not path:
            raise UsageError("The path is missing.", hint="Name a file or folder of this machine.")
        if not name:
            raise UsageError("The name is missing.", hint="Versions of one name belong together.")
        tags = _pairs(args["tags"])
        with self._work.doing(name) as meter:
            done = self.workspace.register_model(path, name=name, tags=tags, meter=meter)
        self._publish(self._newest())
        self.opened = done.model.id
        return {"id": done.model.id, "outcome": done.outcome}

    def _delete(self, args: Args) -> None:
        self.workspace.delete_model(str(args["id"]))
        self._publish(self._newest())

    def _deploy(self, args: Args) -> None:
        """Open the deploy panel with a model filled in."""
        before, self.form = self.form, DeployPanel(self.workspace, {"models": str(args["id"])})
        if before is not None:
            before.close()


def find_models(workspace: Workspace, text: str, *, latest: bool) -> list[Model]:
    """Find models by words and conditions; all must hold.

    Args:
        workspace: Where to look.
        text: Words in name, description, tags or properties; ``key=value`` stands for a tag or
            a property.
        latest: Only the newest of each name.

    Returns:
        By name and version; one more than a panel shows tells that there are more.

    Raises:
        UsageError: There are more conditions than a panel looks for.
    """
    words = text.split()
    conditions = [word for word in words if "=" in word]
    search = " ".join(word for word in words if "=" not in word) or None
    if len(conditions) > _CONDITIONS:
        raise UsageError(
            f"{len(conditions)} conditions are more than {_CONDITIONS}.",
            hint="Look for more with %ml model list --tag … --property ….",
        )
    found: dict[str, Model] = {}
    for tags, properties in _ways(conditions):
        models = workspace.list_models(
            tags=tags, properties=properties, search=search, latest=latest, top=SHOWN + 1
        )
        found |= {model.id: model for model in models}
    return sorted(found.values(), key=lambda model: (model.name, model.version))[: SHOWN + 1]


def _ways(conditions: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Each condition is of a tag or of a property."""
    for kinds in itertools.product((True, False), repeat=len(conditions)):
        pairs = list(zip(conditions, kinds, strict=True))
        yield [c for c, is_tag in pairs if is_tag], [c for c, is_tag in pairs if not is_tag]


def models_panel(workspace: Workspace) -> ModelsPanel:
    """Return the models panel of a workspace, made where this kernel has none yet."""
    return kept(_panels, workspace.root, lambda: ModelsPanel(workspace))


_panels: dict[Path, ModelsPanel] = {}
# Told apart from the rest of what is known of a model.
_APART = ("model", "files", "sample", "tags", "properties")


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_LENGTH else f"{text[:_TEXT_LENGTH]} …"


def _row(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "version": model.version,
        "framework": f"{model.framework} {model.framework_version or ''}".strip(),
        "size": model.size,
        "tags": list(map(list, model.tags.items())),
        "properties": list(map(list, model.properties.items())),
        "aliases": list(model.aliases),
        "createdAt": model.created_at.isoformat(),
    }


def _pairs(text: object) -> dict[str, str]:
    words = str(text).replace(",", " ").split()
    wrong = [word for word in words if "=" not in word]
    if wrong:
        raise UsageError(f"'{wrong[0]}' is no tag.", hint="Write tags as KEY=VALUE.")
    return dict(word.split("=", 1) for word in words)
