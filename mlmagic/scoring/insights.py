"""Variables of Application Insights: understood as v1's server does, but nothing is sent."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

logger = logging.getLogger("azmlinfsrv")
ENABLED, KEY = "AML_APP_INSIGHTS_ENABLED", "AML_APP_INSIGHTS_KEY"


def disable_insights(environment: MutableMapping[str, str], key: str | None) -> None:
    """Say why there is no telemetry where it was asked for, and let the script see that.

    Args:
        environment: The process's; v1's server too writes ``false`` where it sends nothing.
        key: That of the command line; it asks for telemetry by itself.
    """
    asked = key is not None or environment.get(ENABLED, "").lower() == "true"
    key = key or environment.get(KEY)
    environment[ENABLED] = "false"
    if not asked or not key:  # v1 takes one without the other for off
        return
    if _is_uuid(key):
        logger.warning(
            "%s asks for telemetry; this server sends none to a cloud."
            " Its log and GET /metrics hold requests, durations and errors.",
            ENABLED,
        )
    else:
        logger.warning("The instrumentation key is no UUID. Application Insights is disabled.")


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
