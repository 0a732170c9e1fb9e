"""From a script's file to a service that may call itself ready."""

from __future__ import annotations

import gc
import inspect
import json
import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.scoring.contract import Example, contract_of
from mlmagic.scoring.decoding import hasten_json
from mlmagic.scoring.decorated import DecoratedReader
from mlmagic.scoring.documents import Documents, describe_service
from mlmagic.scoring.entry import EntryScript, Ways
from mlmagic.scoring.failure import StartFailure, UserCode, describe
from mlmagic.scoring.sampling import score_body, score_sample
from mlmagic.scoring.script import ended_by, load_script
from mlmagic.scoring.templates import About

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmagic.scoring.settings import Settings
    from mlmagic.scoring.status import Status

logger = logging.getLogger("azmlinfsrv")
_LISTING_LIMIT = 200
# Rare collections: with the default, requests of 1,000 rows wait for one every few times.
_GC_THRESHOLDS = (50_000, 20, 100)


def user_code(settings: Settings) -> UserCode:
    """Return what tells the user's files from others."""
    return UserCode(settings.entry_script, [settings.app_root, settings.source_directory])


@dataclass(frozen=True)
class Service:
    """A script that is ready to be served.

    Attributes:
        documents: Its description.
        example: The sample and its answer, where there is one.
    """

    script: EntryScript
    documents: Documents
    example: Example | None


def start(settings: Settings, status: Status) -> Service:
    """Import the script, run init(), score the sample. Each stage is told before it begins.

    Raises:
        StartFailure: Already told and logged.
    """
    gc.set_threshold(*_GC_THRESHOLDS)  # imports make much, and little of it is garbage
    try:
        status.enter("import")
        if settings.fast_json:
            hasten_json()
        script = load_script(
            settings.entry_script,
            [settings.source_directory, settings.app_root],
            Ways(settings.compat is None, settings.threads, settings.batch),
        )
        status.enter("init")
        status.enter("init", init_seconds=_initialise(script))
        example = None
        if settings.sample is not None:
            status.enter("sample")
            example = score_sample(script, settings, status)
        documents = _describe(script, settings, example)
    except StartFailure as failure:
        code = user_code(settings)
        status.fail(failure, code)
        _log(failure, code)
        raise
    gc.collect()
    gc.freeze()
    return Service(script, documents, example)


def _initialise(script: EntryScript) -> float:
    began = time.perf_counter()
    try:
        begun = script.init()
        if inspect.iscoroutine(begun):
            from mlmagic.scoring.coroutines import Coroutines

            (script.coroutines or Coroutines()).finish(begun)
    except BaseException as error:
        _log_model_directory()
        reason = ended_by(error) or "InitFailed"
        raise StartFailure(reason, describe(error), error) from error
    return round(time.perf_counter() - began, 6)


def _describe(script: EntryScript, settings: Settings, example: Example | None) -> Documents:
    about = About(settings.service_name, settings.service_version, settings.path_prefix)
    try:
        return describe_service(settings.app_root, about, contract_of(script, example))
    except Exception:
        # A type that cannot be described does not keep its script from scoring.
        logger.exception("The service cannot be described; /swagger.json has no document")
        return Documents({})


def with_own_example(service: Service, settings: Settings, status: Status) -> Service:
    """Score the example of a decorated script, where nobody gave a sample: for a check.

    Raises:
        StartFailure: Already told and logged.
    """
    if service.example is not None or not isinstance(service.script.reader, DecoratedReader):
        return service
    body = json.dumps(contract_of(service.script, None).input.get("example", {})).encode()
    status.enter("sample")
    try:
        example = score_body(service.script, settings, status, body)
    except StartFailure as failure:
        code = user_code(settings)
        status.fail(failure, code)
        _log(failure, code)
        raise
    return replace(service, example=example)


def _log(failure: StartFailure, code: UserCode) -> None:
    error = failure.error
    trace = (type(error), error, code.trim(error.__traceback__)) if error is not None else None
    logger.error("%s: %s", failure.reason, failure.message, exc_info=trace)


def _log_model_directory() -> None:
    """List the model folder, as v1 does: a wrong path is the usual reason for a broken init()."""
    directory = os.environ.get("AZUREML_MODEL_DIR")
    if not directory or not Path(directory).exists():
        return
    lines = list(islice(_tree(Path(directory), 0), _LISTING_LIMIT + 1))
    listing = "\n".join(lines[:_LISTING_LIMIT])
    if len(lines) > _LISTING_LIMIT:
        listing += f"\nOutput truncated. First {_LISTING_LIMIT} lines shown."
    logger.error("The model directory '%s' contains:\n%s", directory, listing)


def _tree(path: Path, depth: int) -> Iterator[str]:
    is_folder = path.is_dir() and not (depth and path.is_symlink())
    yield f"{'    ' * depth}{path.name}{'/' if is_folder else ''}"
    if is_folder:
        with suppress(OSError):
            for child in sorted(path.iterdir()):
                yield from _tree(child, depth + 1)
