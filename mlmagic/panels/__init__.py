"""What a notebook shows: live panels, or HTML and text where nothing is live.

panel     what all panels do: batches of news out, intents in
service   one service
services  all services of a workspace
models    the registry
environment  the packages of an environment
deploy    a form that deploys
result    facts and tables of what a cell shows
cells     the cells that have run, to be taken up by a form
display   which form an output takes
"""

from mlmagic.panels.display import (
    display_deploy_form,
    display_service,
    environment_view,
    live_view,
)

__all__ = ["display_deploy_form", "display_service", "environment_view", "live_view"]
