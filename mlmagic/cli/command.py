"""One command: read the line, call the method, write the result, return the exit code.

Exit codes: 0 success, 1 a failure, 2 a wrong line, 3 a service that is not Healthy.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mlmagic._version import __version__
from mlmagic.cli.aliasing import alias
from mlmagic.cli.completion import candidates, completion
from mlmagic.cli.terminal import Terminal
from mlmagic.errors import DeploymentFailedError, MlmagicError, UsageError
from mlmagic.options import (
    describe,
    read_line,
    read_sample,
    require,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmagic.options import Line, Option, Verb

SUCCESS, FAILURE, USAGE, NOT_HEALTHY, INTERRUPTED = 0, 1, 2, 3, 130
_PROG = "mlmagic"
_AS_AZ = "--as-az"  # first in a line that was one of 'az ml': it writes JSON, as 'az' did
_WAITING = ("deploy", "update_service")
_FOR_SHELLS: dict[str, Callable[..., str]] = {"alias": alias, "completion": completion}
# What they write are the words of a notebook, a service or its log, or cells to copy.
_VERBATIM = ("model_card", "run_notebook", "run_service", "service_logs")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words after ``mlmagic``; None takes those of the process.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    terminal = Terminal()
    if arguments is None:  # what Ctrl-C takes back, so does a job's end or `timeout`
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run([word for word in words if word != "--debug"], terminal)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SUCCESS
    except KeyboardInterrupt:
        terminal.error("Interrupted.")
        return INTERRUPTED
    except Exception as error:
        if debug:
            raise
        terminal.error(_told(error))
        return _exit_code(error)


def _run(words: list[str], terminal: Terminal) -> int:
    unsaid = "json" if words[:1] == [_AS_AZ] else None
    words = words[1:] if unsaid else words
    if words[:1] == ["complete"]:  # first: what is completed may be --help
        terminal.write("\n".join(candidates(words[1:])))
        return SUCCESS
    if not words or {"-h", "--help"} & {*words} or words[0] == "help":
        asked = [word for word in words if not word.startswith("-") and word != "help"]
        terminal.write(describe(asked, _PROG))
        return SUCCESS
    if words[0] == "--version":
        terminal.write(f"{_PROG} {__version__}")
        return SUCCESS
    line = read_line(words, prog=_PROG)
    verb, values = line.verb, line.values
    terminal.quiet = "only_errors" in line.everywhere
    terminal.verbose = "verbose" in line.everywhere
    if verb.method == "deploy" and "name" not in values:
        from mlmagic.dispatch import derived_name

        values["name"] = derived_name(values)
        terminal.note(f"service name: {values['name']} (give another with -n)")
    require(values, verb.options)
    if verb.owner == "shell":
        terminal.write(_FOR_SHELLS[verb.method](**values))
        return SUCCESS
    opener = functools.partial(_open_workspace, line.everywhere, terminal)
    shape = (_format(line, unsaid), line.query)
    return _call(verb, _resolve(verb, values), terminal, opener, shape)


def _format(line: Line, unsaid: str | None) -> str:
    """Return the format of the output: the line's, else the setting's.

    Args:
        line: The line.
        unsaid: The format where neither says one; None for the setting's own default.
    """
    if line.format or line.query:
        return line.format or "json"
    if line.verb.method in _VERBATIM:
        return "table"
    from pathlib import Path

    from mlmagic.settings import Settings
    from mlmagic.workspace.roots import find_root

    settings = Settings(find_root(Path(line.everywhere.get("path", "."))).path)
    kind, origin = settings.look_up(Settings.output, strict=not line.verb.examines)
    return unsaid if unsaid and origin == "default" else str(kind)


def _call(
    verb: Verb,
    values: dict[str, Any],
    terminal: Terminal,
    opener: Callable[[], Any],
    shape: tuple[str, str | None],
) -> int:
    from mlmagic.dispatch import call, show
    from mlmagic.presentation import write

    kind, query = shape
    created: list[str] = []
    with terminal.progress(kept=verb.method == "run_notebook") as say:
        result = call(verb, values, opener, say, on_created=created.append)
    for line in created:
        terminal.note(line)
    if isinstance(result, Iterator):
        for line in result:
            terminal.write_line(line)
        return SUCCESS
    shown = show(verb, values, result)
    if kind == "table":
        terminal.write_table(shown.text, verbatim=verb.method in _VERBATIM)
    else:
        terminal.write(write(shown.data, kind, query=query), is_json=kind == "jsonc")
    return _code(verb, result)


def _code(verb: Verb, result: Any) -> int:
    """Tell in the exit code what a result, that is no error, says is wrong."""
    if verb.method == "verify_models":
        return SUCCESS if result.ok else FAILURE
    return result.exit_code if verb.method == "run_notebook" else SUCCESS


def _open_workspace(everywhere: dict[str, str], terminal: Terminal) -> Any:
    """Open the workspace of this folder, or the one that v1's options name."""
    from mlmagic.dispatch import chosen_workspace
    from mlmagic.workspace import Workspace

    here = Workspace.from_config(everywhere.get("path"))
    return chosen_workspace(here, everywhere, terminal.note)


def _resolve(verb: Verb, values: dict[str, Any]) -> dict[str, Any]:
    """Read samples and sources as files: a shell has no variables; deployments are waited for."""
    from pathlib import Path

    def sources(words: Sequence[str]) -> Path | list[Path]:
        paths = [Path(word).expanduser() for word in words]
        return paths[0] if len(paths) == 1 else paths

    readers: dict[str, Callable[[Any], Any]] = {"source": sources, "sample": _sample}
    readers["variable"] = _no_variable
    kinds: dict[str, Option] = {option.name: option for option in verb.options}
    if verb.method in _WAITING:
        values.setdefault("wait", True)
    # As v1; notebooks are run again, commands are not.
    if verb.method == "register_model":
        values.setdefault("new_version", True)
    if verb.method == "deploy":
        values.setdefault("overwrite", False)
    return {
        name: readers.get(kinds[name].kind, lambda same: same)(value) if name in kinds else value
        for name, value in values.items()
    }


def _no_variable(name: str) -> Any:
    raise UsageError(
        f"'{name}' is a variable of a notebook, and a shell has none.",
        hint="Register it in the notebook, or with Workspace.register_model in Python.",
    )


def _sample(text: str) -> Any:
    try:
        return read_sample(text)
    except ValueError as error:
        raise UsageError(f"--sample: {error}.") from None


def _told(error: Exception) -> str:
    if isinstance(error, MlmagicError):
        return str(error)
    return f"{type(error).__name__}: {error} (with --debug: the whole traceback)"


def _exit_code(error: Exception) -> int:
    if isinstance(error, UsageError):
        return USAGE
    return NOT_HEALTHY if isinstance(error, DeploymentFailedError) else FAILURE
