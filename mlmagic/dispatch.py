"""From a verb and its keywords to the method that does it, and to what is shown.

Magics and commands differ in how they read a line and where they write; this is what they share.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.presentation import Shown, present
from mlmagic.registry.naming import service_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmagic.options import Verb
    from mlmagic.workspace import Workspace

# Options that say which registry is meant.
_PLACE = ("database_url", "store_url")
# What the lists of these methods hold, for lists that are empty; and views with names.
_KINDS = {
    "model_alias_history": "AliasMove",
    "list_configurations": "KeptConfiguration",
    "list_environments": "EnvironmentEntry",
    "list_images": "ImageEntry",
    "list_models": "Model",
    "import_models": "Registration",
    "list_trust": "Decision",
    "list_services": "Webservice",
    "list_workspaces": "workspaces",
    "register_environment": "registered environment",
    "service_keys": "keys",
    "show_settings": "settings",
    "show_workspace": "workspace",
}


def call(
    verb: Verb,
    values: dict[str, Any],
    workspace: Callable[[], Workspace],
    on_event: Callable[[str], None] | None = None,
    *,
    on_created: Callable[[str], None] | None = None,
) -> Any:
    """Call the method behind a verb.

    Args:
        verb: The verb.
        values: Keywords of the method.
        workspace: Opens the workspace; not called by verbs that need none.
        on_event: Receives lines of progress.
        on_created: Receives a line where the call is the first use of a workspace.
    """
    if verb.owner == "runs":
        return _call_runs(verb, values, on_event)
    if verb.owner == "azureml":
        from mlmagic.azureml import importing

        return getattr(importing, verb.method)(**values)
    if verb.owner == "class":
        from mlmagic.workspace import Workspace

        return getattr(Workspace, verb.method)(**values)
    progress = {"on_event": on_event} if verb.progress else {}
    opened = workspace()
    if not verb.examines:
        opened.check_settings()
    place = {name: values.pop(name) for name in _PLACE if name in values}
    if place:
        opened = opened.with_settings(place)
    existed = opened.exists
    result = getattr(opened, verb.method)(**values, **progress)
    if on_created is not None and opened.exists and not existed:
        on_created(f"workspace '{opened.name}' created in '{opened.state_directory}'")
    if verb.method == "service_keys":
        return dict(zip(("primaryKey", "secondaryKey"), result, strict=True))
    return result


def chosen_workspace(
    here: Workspace, everywhere: Mapping[str, str], note: Callable[[str], None]
) -> Workspace:
    """Return the workspace that v1's options name, else this one.

    Args:
        here: The workspace in use.
        everywhere: What `take_everywhere` found.
        note: Told where there is none of that name.
    """
    name = everywhere.get("workspace")
    if name in (None, here.name):
        return here
    from mlmagic.workspace import Workspace

    for row in here.list_workspaces():
        if row["name"] == name:
            return Workspace(row["root"])
    note(f"there is no workspace '{name}' here; '{here.name}' in '{here.root}' is used")
    return here


def derived_name(values: Mapping[str, Any]) -> str:
    """Name a service that a line does not name, as ``az ml model deploy`` was often written.

    Example:
        >>> derived_name({"models": ["hello:1"]})
        'hello-svc'
    """
    model = (values.get("models") or ("",))[0]
    source = Path(model).name.partition(":")[0] or Path(values.get("script") or "").stem
    return service_name(source or Path.cwd().name)


def show(verb: Verb, values: dict[str, Any], result: Any) -> Shown:
    """Bring a verb's result into its forms."""
    if verb.done:
        return present(verb.done.format(**values, result=result))
    return present(result, kind=_KINDS.get(verb.method, ""))


def _call_runs(verb: Verb, values: dict[str, Any], on_event: Callable[[str], None] | None) -> Any:
    from mlmagic import runs

    if verb.method == "write_quickstart":
        return runs.write_quickstart(**values)
    parameters = {k: runs.parse_value(v) for k, v in values.pop("parameters", {}).items()}
    parameters |= values.pop("raw_parameters", {})
    return runs.run_notebook(**values, parameters=parameters, progress=on_event)
