"""``azureml.widgets``: a run, shown in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlmagic.azureml.core.run import Run


class RunDetails:
    """Shows a run: its status and what was logged."""

    def __init__(self, run_instance: Run) -> None:
        self.run = run_instance

    def show(self, render_lib: object = None, widget_settings: object = None) -> None:
        """Print the run as it is now; services have panels of their own."""
        print(f"{self.run!r}\nMetrics: {self.run.get_metrics()}")
