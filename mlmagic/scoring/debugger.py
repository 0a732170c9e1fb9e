"""A debugger for scripts, as v1's server connects to one."""

from __future__ import annotations

import logging

from mlmagic.scoring.failure import StartFailure

logger = logging.getLogger("azmlinfsrv")


def connect_debugger(port: int) -> None:
    """Connect to the debugger that waits on a port of this machine, and wait for it.

    Raises:
        StartFailure: debugpy is not installed, or nobody waits there.
    """
    try:
        import debugpy  # noqa: T100 - what AZUREML_DEBUG_PORT asks for
    except ImportError as error:
        message = (
            "AZUREML_DEBUG_PORT is set, but debugpy is not installed: add it to the environment."
        )
        raise StartFailure("ConfigurationError", message) from error
    logger.warning("Debugging, because AZUREML_DEBUG_PORT is set: not for production.")
    logger.info("Connecting to the debugger at port %d", port)
    try:
        debugpy.connect(port)
    except OSError as error:
        message = f"No debugger waits at port {port} (AZUREML_DEBUG_PORT): {error}."
        raise StartFailure("ConfigurationError", message) from error
    debugpy.wait_for_client()  # noqa: T100 - as above
