"""The magics themselves."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from IPython.core.magic import (
    Magics,
    cell_magic,
    line_cell_magic,
    line_magic,
    magics_class,
    needs_local_scope,
    no_var_expand,
)
from traitlets import Bool

from mlmagic.dispatch import call, chosen_workspace, derived_name, show
from mlmagic.errors import ConfigurationError, EnvironmentSetupError, UsageError
from mlmagic.magics.boundary import user_errors
from mlmagic.magics.lines import expand, find_field, verb_magic, without_comment, words_of
from mlmagic.magics.redirecting import take_redirection
from mlmagic.magics.session import Session
from mlmagic.magics.showing import LiveListing, Progress, Text, displayable
from mlmagic.magics.variables import resolve
from mlmagic.options import (
    build_parser,
    describe,
    parse,
    read_line,
    require,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.options import Verb
    from mlmagic.workspace import Workspace


@magics_class
class MlmagicMagics(Magics):
    """From a model in a cell to a running web service."""

    shell: Any
    show_traceback = Bool(
        default_value=False, help="Show the whole traceback of mlmagic's own errors."
    ).tag(config=True)

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self.session = Session(shell)

    @line_magic
    @verb_magic("%register")
    def register(self, verb: Verb, values: dict[str, Any], _cell: None) -> Any:
        """Register a model."""
        return self._do(verb, values)

    @line_magic
    @verb_magic("%deploy")
    def deploy(self, verb: Verb, values: dict[str, Any], _cell: None) -> Any:
        """Deploy a service."""
        return self._do(verb, values)

    def show_deploy_form(self) -> None:
        """Show the form that asks for what a ``%deploy`` line names."""
        from mlmagic.panels import display_deploy_form

        display_deploy_form(self.session.workspace(), live=self.session.live)

    @line_cell_magic
    @verb_magic("%%score_script")
    def score_script(self, verb: Verb, values: dict[str, Any], cell: str | None) -> Any:
        """Capture an entry script."""
        origin = self.session.cell("%%score_script")
        last = values.pop("last", False)
        if last:
            line, cell, origin = self.session.last_marked_cell()
            words = words_of(line, self.shell.user_ns)
            parser = build_parser(verb.options, prog="score_script")
            values = parse(parser, verb.options, words) | values
        if cell is None:
            raise UsageError(
                "The script is missing.",
                hint="Use %%score_script on the first line of a cell, or %score_script --last.",
            )
        values |= {"source": cell, "namespace": self.session.namespace()}
        return self._do(verb, values, cell=origin)

    @cell_magic
    @verb_magic("%%environment")
    def environment(self, verb: Verb, values: dict[str, Any], cell: str) -> Any:
        """Keep an environment."""
        return self._keep(verb, values, cell)

    @cell_magic
    @verb_magic("%%inference_config")
    def inference_config(self, verb: Verb, values: dict[str, Any], cell: str) -> Any:
        """Keep an inference configuration."""
        return self._keep(verb, values | self._place("inference"), cell)

    @cell_magic
    @verb_magic("%%deployment_config")
    def deployment_config(self, verb: Verb, values: dict[str, Any], cell: str) -> Any:
        """Keep a deployment configuration."""
        return self._keep(verb, values | self._place("deployment"), cell)

    @no_var_expand
    @needs_local_scope
    @line_magic
    @user_errors
    def ml(self, line: str, local_ns: dict[str, Any] | None = None) -> Any:
        """Run any verb of the command ``mlmagic``: ``%ml VERB …``; ``%ml --help`` lists them.

        ``> FILE`` at the end writes what it says to a file, ``>> FILE`` behind what the file has.
        """
        namespace = {**self.shell.user_ns, **(local_ns or {})}
        line, file = take_redirection(without_comment(line), namespace)
        result = self._run(words_of(line, namespace), shows=file is None)
        if file is None:
            return result
        file.write(f"{result}")
        self._note(f"'{file.path}' written")
        return None

    def _run(self, words: list[str], *, shows: bool) -> Any:
        """Run a line of ``%ml``; returns what the cell shows, or else the text of it."""
        if not words or {"-h", "--help"} & {*words}:
            return Text(describe([word for word in words if not word.startswith("-")], "%ml"))
        read = read_line(words, prog="%ml")
        verb, values, kind, query = read.verb, read.values, read.format, read.query
        if verb.owner == "shell":
            raise UsageError(f"'{verb.title}' is for a shell: '!mlmagic {verb.title}'.")
        if verb.method == "deploy" and values and "name" not in values:
            values["name"] = derived_name(values)
            self._note(f"service name: {values['name']} (give another with -n)")
        opener = functools.partial(self._open, read.everywhere)
        quiet = None
        if {"verbose", "only_errors"} & read.everywhere.keys():
            quiet = "only_errors" in read.everywhere
        result = self._do(verb, values, opener=opener, quiet=quiet)
        if isinstance(result, Iterator):
            kept: list[str] = []
            tell = _write_line if shows else kept.append
            self._pass_on(result, tell, endless="timeout" not in values)
            return None if shows else "\n".join(kept)
        shown = show(verb, values, result)
        if kind not in (None, "table") or query:
            from mlmagic.presentation import write

            return Text(write(shown.data, kind or "json", query=query))
        if not shows:
            return shown.text
        if isinstance(result, list) and self.session.live and not any(values.values()):
            from mlmagic.panels import live_view

            view = live_view(verb.method, opener())
            if view[0]:
                return LiveListing(shown, view)
        return displayable(shown, answer=verb.method == "run_service")

    def _open(self, everywhere: dict[str, str]) -> Workspace:
        """Open the workspace of this session, or the one that v1's options name."""
        from mlmagic.workspace import Workspace

        path = everywhere.get("path")
        here = Workspace.from_config(path) if path else self.session.workspace()
        return chosen_workspace(here, everywhere, self._note)

    def _do(
        self,
        verb: Verb,
        values: dict[str, Any],
        *,
        opener: Callable[[], Workspace] | None = None,
        quiet: bool | None = None,
        **more: Any,
    ) -> Any:
        """Call the method behind a verb, and show the panel of what it deployed."""
        if verb.method == "deploy" and not values and self.session.live:
            self.show_deploy_form()
            return None
        require(values, verb.options)
        values = resolve(verb.options, values, self.shell.user_ns) | more
        if verb.method == "register_model":
            values |= {"cell": self.session.cell(), "notebook": self.session.notebook}
        deploys = verb.method in ("deploy", "update_service")
        if deploys and self.session.headless:
            values.setdefault("wait", True)
        with Progress(self.session, quiet=quiet) as say:
            opener = opener or self.session.workspace
            result = call(verb, values, opener, say, on_created=self._note)
        if deploys and hasattr(result, "snapshot"):
            self.session.service_display.show(result)
        return result

    def _pass_on(
        self, lines: Iterator[str], write: Callable[[str], object], *, endless: bool
    ) -> None:
        """Pass lines on as they come; interrupting the cell is how that is ended."""
        if endless and self.session.headless:
            raise UsageError(
                "Following has no end where nobody can interrupt it.",
                hint="Give --timeout SECONDS.",
            )
        with contextlib.suppress(KeyboardInterrupt):
            for line in lines:
                write(line)

    def _note(self, line: str) -> None:
        """Tell a line that stays, to whoever watches."""
        if not self.session.headless:
            sys.stdout.write(f"{line}\n")

    def _keep(self, verb: Verb, values: dict[str, Any], cell: str) -> Any:
        if values.pop("expand", False):
            return self._do(verb, values, text=expand(cell, self.shell.user_ns))
        try:
            return self._do(verb, values, text=cell)
        except (ConfigurationError, EnvironmentSetupError) as error:
            field = find_field(cell)
            if field is None:
                raise
            hint = f"'{field}' stays as it is without --expand."
            raise type(error)(str(error), hint=hint) from error

    def _place(self, kind: str) -> dict[str, Any]:
        return {"kind": kind, "first_line": self.session.cell(f"%%{kind}_config").first_line}


def _write_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
