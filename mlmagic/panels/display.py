"""How things are shown: live in a front end, as HTML and text elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmagic.errors import EnvironmentNotFoundError
from mlmagic.services.static_view import mime_bundle

if TYPE_CHECKING:
    from mlmagic.environments import EnvironmentEntry
    from mlmagic.panels.service import Watch
    from mlmagic.panels.service_commands import ServiceHandle
    from mlmagic.workspace import Workspace


def display_service(
    handle: ServiceHandle, *, live: bool = True, watch: Watch | None = None
) -> None:
    """Show a service as the output of the running cell, in one output.

    In a front end that is a live panel, with HTML and text for wherever the notebook is looked at
    without a kernel; headless it is the HTML and text alone. Programs find the facts as
    ``application/vnd.mlmagic.service+json``. Outside IPython nothing is shown.

    Args:
        handle: The service.
        live: Whether somebody looks at this kernel who can answer.
        watch: What tells the panel of changes; the services' watcher where it is None.
    """
    shell = _shell()
    if shell is None:
        return
    snapshot = handle.snapshot()
    data = mime_bundle(snapshot)
    metadata: dict[str, Any] = {}
    if live and snapshot["state"] != "Deleted":
        from mlmagic.panels.service import panel_of

        view, metadata = panel_of(handle, watch=watch).view()
        data |= view
    shell.display_pub.publish(data, metadata)


def live_view(method: str, workspace: Workspace) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the MIME bundle and metadata of the panel that shows what a verb lists.

    Args:
        method: The workspace's method behind the verb.
        workspace: Whose things are listed.

    Returns:
        Both empty where there is no such panel.
    """
    if method == "list_models":
        from mlmagic.panels.models import models_panel

        return models_panel(workspace).view()
    if method == "list_services":
        from mlmagic.panels.services import services_panel

        return services_panel(workspace).view()
    return {}, {}


def environment_view(
    workspace: Workspace, entry: EnvironmentEntry
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the MIME bundle and metadata of the panel of an environment.

    Args:
        workspace: Whose environment it is.
        entry: The environment.

    Returns:
        Both empty where the workspace does not know it (any more).
    """
    from mlmagic.panels.environment import environment_panel

    # A script that is captured again leaves its name to several locks.
    name = entry.identity if entry.identity and entry.kind == "captured" else entry.name
    try:
        return environment_panel(workspace, name).view()
    except EnvironmentNotFoundError:
        return {}, {}


def display_deploy_form(workspace: Workspace, *, live: bool = True) -> None:
    """Show the form that deploys a service as the output of the running cell.

    Args:
        workspace: Where to deploy.
        live: Whether somebody looks at this kernel who can fill it in; else the line that it
            stands for is shown.
    """
    from mlmagic.panels.deploy import DeployPanel

    shell = _shell()
    panel = DeployPanel(workspace)
    data = {"text/plain": panel.line(private=False), "text/html": panel.to_html()}
    metadata: dict[str, Any] = {}
    if live:
        view, metadata = panel.view()
        data |= view
    else:
        panel.close()
    shell.display_pub.publish(data, metadata)


def _shell() -> Any:
    from IPython.core.getipython import get_ipython

    return get_ipython()
