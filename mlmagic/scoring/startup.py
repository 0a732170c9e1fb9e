"""From a script's file to a service that may call itself ready."""

from __future__ import annotations

import gc
import logging
import os
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.scoring.execution import encode, execute
from mlmagic.scoring.failure import StartFailure, UserCode, describe
from mlmagic.scoring.script import EntryScript, ended_by, load_script
from mlmagic.scoring.status import RESULT_LIMIT

if TYPE_CHECKING:
    from mlmagic.scoring.settings import Settings
    from mlmagic.scoring.status import Status

logger = logging.getLogger("azmlinfsrv")
_LISTING_LIMIT = 200
# Rare collections: with the default, requests of 1,000 rows wait for one every few times.
_GC_THRESHOLDS = (50_000, 20, 100)


def user_code(settings: Settings) -> UserCode:
    """Return what tells the user's files from others."""
    return UserCode(settings.entry_script, [settings.app_root, settings.source_directory])


def start(settings: Settings, status: Status) -> EntryScript:
    """Import the script, run init(), score the sample. Each stage is told before it begins.

    Raises:
        StartFailure: Already told and logged.
    """
    try:
        status.enter("import")
        script = load_script(settings.entry_script, [settings.source_directory, settings.app_root])
        status.enter("init")
        status.enter("init", init_seconds=_initialise(script))
        if settings.sample is not None:
            status.enter("sample")
            _score_sample(script, settings, status)
    except StartFailure as failure:
        code = user_code(settings)
        status.fail(failure, code)
        _log(failure, code)
        raise
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    return script


def _initialise(script: EntryScript) -> float:
    began = time.perf_counter()
    try:
        script.init()
    except BaseException as error:
        _log_model_directory()
        reason = ended_by(error) or "InitFailed"
        raise StartFailure(reason, describe(error), error) from error
    return round(time.perf_counter() - began, 6)


def _score_sample(script: EntryScript, settings: Settings, status: Status) -> None:
    assert settings.sample is not None  # noqa: S101 - told to the type checker
    try:
        data = settings.sample.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"The sample '{settings.sample}' cannot be read as text: {error}."
        raise StartFailure("SampleFailed", message) from error
    began = time.perf_counter()
    try:
        value = execute(script, data, lambda: {"Content-Type": settings.sample_type}, "sample")
        text = encode(value).decode()
    except BaseException as error:
        reason = "OutOfMemory" if isinstance(error, MemoryError) else "SampleFailed"
        raise StartFailure(reason, describe(error), error) from error
    milliseconds = (time.perf_counter() - began) * 1000
    status.enter("sample", sample_ms=round(milliseconds, 3), sample_result=text[:RESULT_LIMIT])


def _log(failure: StartFailure, code: UserCode) -> None:
    error = failure.error
    trace = (type(error), error, code.trim(error.__traceback__)) if error is not None else None
    logger.error("%s: %s", failure.reason, failure.message, exc_info=trace)


def _log_model_directory() -> None:
    """List the model folder, as v1 does: a wrong path is the usual reason for a broken init()."""
    directory = os.environ.get("AZUREML_MODEL_DIR")
    if not directory:
        return
    paths = sorted(islice(Path(directory).rglob("*"), _LISTING_LIMIT))
    listing = "\n".join(str(path) for path in paths) or "(empty)"
    logger.error("The model directory '%s' contains:\n%s", directory, listing)
