"""What a notebook shows of a service: a live panel, or HTML and text where nothing is live."""

from mlmagic.panels.display import display_service

__all__ = ["display_service"]
