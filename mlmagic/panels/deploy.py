"""The Python half of the deploy panel: a form made of the option table, a plan, a deployment."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, fields
from inspect import get_annotations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets
from ipywidgets import widget_serialization

from mlmagic.configurations import expand, is_file_name, write_configurations
from mlmagic.entities import KubernetesDeploymentConfig, config_class
from mlmagic.errors import CancelledError, ConfigurationError, MlmagicError, UsageError
from mlmagic.options import CLUSTER, magic_verb
from mlmagic.panels.cells import ExecutedCell, executed_cells, user_names
from mlmagic.panels.panel import STATIC, Panel
from mlmagic.panels.service import ServicePanel, panel_of
from mlmagic.panels.working import Work
from mlmagic.presentation import present
from mlmagic.services import check_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mlmagic.configurations import WrittenConfiguration
    from mlmagic.options import Option
    from mlmagic.presentation import Shown
    from mlmagic.services import Plan, Webservice
    from mlmagic.workspace import Workspace

    Args = dict[str, Any]

# The buttons say these, or only lines need them.
_APART = {"plan", "wait", "timeout", "allow"}
_FIRST = ("name", "models", "script", "environment", "target")
_SUGGESTED = 200


class DeployPanel(Panel):
    """A form that deploys a service; its fields are the options of ``%deploy``.

    ``values`` maps an option's name to its text as it would be written, one a line where it may be
    repeated; set it from Python, or link it, to fill the form. ``fields`` are those that the
    chosen target has, ``problems`` what is wrong with a field, by name, or with all of them
    together, by the empty name. What may be a secret (``variables``) is taken like the rest, but
    stays in this kernel: no trait holds it, so it is not saved with the notebook. It is held
    while values are changed or added; values without one that was there begin the form anew.
    ``work`` says how far a ``capture``, ``plan`` or ``deployment`` is, or why the last one came to
    nothing. ``opened`` is the panel of the service that was deployed last: it is shown beneath.

    Args:
        workspace: Where to deploy.
        values: What the form begins with.
    """

    _esm = STATIC / "deploy.js"

    fields: Any = traitlets.List().tag(sync=True)
    values: Any = traitlets.Dict().tag(sync=True)
    problems: Any = traitlets.Dict().tag(sync=True)
    work: Any = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    opened: Any = traitlets.Instance(ServicePanel, allow_none=True).tag(
        sync=True, **widget_serialization
    )

    def __init__(self, workspace: Workspace, values: dict[str, str] | None = None) -> None:
        self.workspace = workspace
        self._private: dict[str, str] = {}
        self._work = Work(self._send_soon, "under way")
        first = {"target": workspace.settings.default_target}
        super().__init__(values=first | (values or {}))
        self._send_newest()
        self.observe(lambda _change: self._send_newest(), "values")
        self.commands = {
            "set": self._set,
            "plan": self._plan,
            "deploy": self._deploy,
            "line": self._line,
            "cells": self._cells,
            "existing": self._existing,
            "capture": self._capture,
            "configuration": self._configuration,
            "write": self._write,
            "cancel": self._work.cancel,
        }

    def line(self, *, private: bool = True) -> str:
        """Return the ``%deploy`` line that does what the form says.

        Args:
            private: Whether values that may be secrets stand in it; else ``…`` does.
        """
        return " ".join(self._words(private=private))

    def _words(self, *, private: bool, said: Collection[str] = ()) -> list[str]:
        """The line without the options that are said elsewhere."""
        words = ["%deploy"]
        for option in self._options():
            if option.name in said:
                continue
            for text in _texts(option, self._text(option.name)):
                told = text if private or not option.private else f"{_key(text)}=…"
                words += option.write(_FIELD.sub(r"{\g<0>}", told))
        return words

    @traitlets.validate("values")
    def _keep_private(self, proposal: dict[str, Any]) -> dict[str, str]:
        """Keep what may be a secret out of the trait, which is saved with the notebook."""
        values = dict(proposal["value"])
        told = {name: values.pop(name) for name in _private_names() & values.keys()}
        # An empty form, or that of another service, must not deploy what the last one held.
        is_new = not proposal["value"] or not self.values.keys() <= values.keys()
        with self._lock:
            forgotten = self._private if is_new else {}
            self._private = told if is_new else self._private | told
        if (told or forgotten) and self.fields:
            self._send_newest()
        return values

    def _text(self, name: str) -> str:
        """What stands in a field."""
        return str(self._private.get(name) or self.values.get(name, ""))

    def _send_traits(self) -> None:
        options = self._options()
        self.fields = [self._field(option) for option in options]
        found = {option.name: self._problem(option) for option in options}
        problems = {name: words for name, words in found.items() if words}
        self.problems = problems or self._contradiction(options)
        self.work = self._work.told

    def _present(self) -> Shown:
        return present(self.line(private=False))  # without values that may be secrets

    def _contradiction(self, options: list[Option]) -> dict[str, str]:
        """What is wrong with the fields of the target together, where each is right."""
        import msgspec

        from mlmagic.workspace.parts import check_config

        kind = self._kind()
        names = get_annotations(config_class(kind))
        given = self._values([option for option in options if option.name in names])
        try:
            config = check_config(config_class(kind).from_values(expand(given, kind)))
        except (msgspec.ValidationError, MlmagicError) as error:
            return {"": str(error)}
        if isinstance(config, KubernetesDeploymentConfig):
            from mlmagic.targets.kubernetes.checking import contradictions

            if wrong := contradictions(config):
                return {"": "; ".join(wrong)}
        return {}

    def _kind(self) -> str:
        """The kind of the chosen target; the local one where it is not known."""
        try:
            return self.workspace.show_compute_target(self.values.get("target", "")).compute_type
        except MlmagicError:
            return "local"

    def _options(self) -> list[Option]:
        """The options that the chosen target has, each once, the most asked for first."""
        every = {name for kind in _KINDS for name in get_annotations(config_class(kind))}
        every |= {option.name for option in CLUSTER}  # some are words for several of those
        here = get_annotations(config_class(self._kind()))
        found: dict[str, Option] = {}
        for option in magic_verb("%deploy").options:
            if option.secret or option.name in _APART:
                continue  # a form is saved with its notebook
            if option.name in here or option.name not in every:
                found.setdefault(option.name, option)
        names = [*_FIRST, *(name for name in found if name not in _FIRST)]
        return [found[name] for name in names]

    def _field(self, option: Option) -> dict[str, Any]:
        kind = config_class(self._kind())
        configured = option.name in get_annotations(kind)
        defaults = {each.name: each.default for each in fields(kind) if configured}  # type: ignore[arg-type] # subclasses are dataclasses
        default = defaults.get(option.name)
        return {
            "name": option.name,
            "label": option.name.replace("_", " "),
            "help": option.help,
            "kind": option.kind,
            "many": option.repeat or option.is_mapping,
            "choices": list(option.choices),
            "placeholder": option.placeholder,
            "unit": option.unit,
            "default": str(default) if isinstance(default, str | int) else "",
            "private": option.private,
            "kept": self._kept(option),
            "part": "first" if option.name in _FIRST else "target" if configured else "more",
            "suggestions": self._suggestions(option.name),
        }

    def _kept(self, option: Option) -> str:
        """The names in a private field, without their values."""
        names = map(_key, self._private.get(option.name, "").splitlines())
        return ", ".join(name for name in names if name)

    def _suggestions(self, name: str) -> list[str]:
        workspace = self.workspace
        if name == "models":
            return [model.id for model in workspace.list_models(top=_SUGGESTED)]
        if name == "script":
            return sorted(path.name for path in workspace.root.glob("*.py"))[:_SUGGESTED]
        if name == "environment":
            return [entry.name for entry in workspace.list_environments() if entry.name]
        if name == "target":
            return [target.name for target in workspace.list_compute_targets()]
        if name in ("inference_config", "deployment_config"):
            kept = workspace.list_configurations()
            files = (
                path.name
                for path in workspace.root.iterdir()
                if is_file_name(path.name) and not path.name.startswith(".")
            )
            named = [each.name for each in kept if name == f"{each.kind}_config"]
            return [*named, *sorted(files)][:_SUGGESTED]
        return []

    def _problem(self, option: Option) -> str:
        text = self._text(option.name)
        if option.required and not text.strip():
            return "is missing"
        try:
            for each in _texts(option, text):
                option.read(each)
            if option.name == "name":
                check_name(text.strip())
        except ConfigurationError as error:
            return str(error)
        except ValueError as error:
            # The words of readers quote what they read.
            return f"is not {option.placeholder} on each line" if option.private else str(error)
        return ""

    def _keywords(self) -> dict[str, Any]:
        """What the form says, as keywords of ``Workspace.deploy``."""
        if self.problems:
            name, words = next(iter(self.problems.items()))
            told = f"{name.replace('_', ' ')}: {words.rstrip('.')}."  # rules end with their own
            raise UsageError(told if name else words)
        return self._values(self._options())

    def _values(self, options: list[Option]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for option in options:
            texts = _texts(option, self._text(option.name))
            values: list[Any] = [
                _sample(text) if option.kind == "sample" else option.read(text) for text in texts
            ]
            if option.is_mapping and values:
                found[option.name] = dict(values)
            elif option.repeat and values:
                found[option.name] = tuple(values)
            elif values:
                found[option.name] = values[0]
        return found

    def _set(self, args: Args) -> None:
        self.values = {**self.values, str(args["name"]): str(args["value"])}

    def _plan(self, _args: Args) -> dict[str, Any]:
        plan: Any = self._resolved("plan", plan=True)
        changes = [asdict(change) for change in plan.changes]
        return {"action": plan.action, "problem": plan.problem, "changes": changes}

    def _deploy(self, _args: Args) -> dict[str, str]:
        service: Any = self._resolved("deployment")
        self.opened = panel_of(service)
        return {"outcome": service.outcome}

    def _resolved(self, name: str, *, plan: bool = False) -> Webservice | Plan:
        """Deploy or plan; until there is a service, whose own panel ends it, it is ended here."""
        cancelled = CancelledError(f"The {name} was cancelled; nothing was changed.")
        with self._work.doing(name, cancelled) as meter:
            return self.workspace.deploy(
                **self._keywords(), plan=plan, wait=False, on_event=meter.begin
            )

    def _line(self, _args: Args) -> dict[str, str]:
        return {"text": self.line(), "cell": self.line(private=False)}

    def _cells(self, _args: Args) -> list[dict[str, Any]]:
        """Tell which cells have run that may be entry scripts."""
        return [
            {"number": cell.number, "title": cell.title, "source": cell.source}
            for cell in executed_cells()[:_SUGGESTED]
        ]

    def _existing(self, args: Args) -> list[str]:
        """Tell which file a captured cell would replace by another text, if any."""
        return _replaced(self._captured_file(args))

    def _captured_file(self, args: Args) -> dict[Path, str]:
        options = [option for option in self._options() if option.name == "source_directory"]
        folder = self._values(options).get("source_directory", "")
        return {Path(folder).expanduser() / _script_name(args): _cell(args).source}

    def _capture(self, args: Args) -> dict[str, str]:
        """Capture an executed cell as the entry script, and take that into the form."""
        from mlmagic.entities import CellOrigin

        cell = _cell(args)
        _check_replacing(_replaced(self._captured_file(args)), args)
        taken = {"models", "environment", "source_directory", "allow"}
        options = [option for option in self._options() if option.name in taken]
        file = _script_name(args)
        cancelled = CancelledError("The capture was cancelled; nothing was written.")
        with self._work.doing("capture", cancelled) as meter:
            report = self.workspace.capture_script(
                cell.source,
                file=file,
                namespace=user_names(),
                cell=CellOrigin(execution_count=cell.number, first_line=cell.first_line),
                **self._values(options),
                on_event=meter.begin,
            )
        self._set({"name": "script", "value": file})
        return {"text": present(report).text}

    def _configuration(self, args: Args) -> dict[str, Any]:
        """Write configurations, as cells or v1's files, and the line that uses them."""
        is_cell = args["format"] == "cell"
        written = self._written(args)
        words = self._words(private=not is_cell, said=written.used)
        for part in written.parts:
            words += [_FLAGS[part.kind], part.name]
        ours = ", ".join(f"'{key}'" for key in sorted(written.ours))
        keys = "key" if len(written.ours) == 1 else "keys"
        return {
            "parts": [
                [part.name, f"%%{part.kind}_config {part.name}\n{part.text}"]
                if is_cell
                else [part.name, part.text]
                for part in written.parts
            ],
            "line": " ".join(words),
            "notes": [f"Only mlmagic knows the {keys} {ours}."] if ours else [],
            "existing": self._changed(written),
        }

    def _write(self, args: Args) -> None:
        """Keep configurations, as the magics do: under their names, or in the current folder."""
        written = self._written(args)
        _check_replacing(self._changed(written), args)
        for part in written.parts:
            self.workspace.keep_configuration(part.kind, part.name, part.text)
        self._send_newest()  # they can be chosen now

    def _changed(self, written: WrittenConfiguration) -> list[str]:
        """Return the configurations that are there and say something else."""
        kept = {each.name: each.text for each in self.workspace.list_configurations()}
        named = [part for part in written.parts if not is_file_name(part.name)]
        files = {part.name: part.text for part in written.parts if part not in named}
        return [part.name for part in named if kept.get(part.name, part.text) != part.text] + (
            _replaced(files)
        )

    def _written(self, args: Args) -> WrittenConfiguration:
        keywords = self._keywords()
        settings = self.workspace.settings
        names = {settings.aci_target: "aci", settings.aks_target: "aks", "local": "local"}
        written = write_configurations(
            keywords, compute_type=self._kind(), compute_names=names, kind=args["format"]
        )
        if not written.parts and args["format"] != "cell":
            raise UsageError(
                "The form names its configurations, or says nothing that files of them hold.",
                hint="Empty the field 'deployment config' to have a file written.",
            )
        return written


# What a magic would expand; not an object of JSON.
_FIELD = re.compile(r"""\{(?!\s*["'}])[^{}\n]*\}""")
_KINDS = ("local", "docker", "kubernetes")
_FLAGS = {"inference": "--ic", "deployment": "--dc"}


def _texts(option: Option, text: str) -> list[str]:
    if option.kind == "flag":
        return [text] if text == "true" else []
    if option.name == "models":  # on one line, as their names have no commas
        text = text.replace(",", "\n")
    lines = text.splitlines() if option.repeat or option.is_mapping else [text]
    return [line.strip() for line in lines if line.strip()]


def _script_name(args: dict[str, Any]) -> str:
    return str(args["file"]).strip() or "score.py"


def _cell(args: dict[str, Any]) -> ExecutedCell:
    for cell in executed_cells():
        if cell.number == args["number"]:
            return cell
    raise UsageError(f"There is no cell '{args['number']}' any more.", hint="Run it again.")


def _replaced(files: Mapping[Any, str]) -> list[str]:
    """Return the files that are there and say something else."""
    there = {Path(file): text.encode() for file, text in files.items() if Path(file).exists()}
    return [f"{file}" for file, text in there.items() if file.is_dir() or file.read_bytes() != text]


def _check_replacing(replaced: list[str], args: dict[str, Any]) -> None:
    """Refuse to replace what the user was not asked about."""
    if replaced and not args["overwrite"]:
        raise UsageError(f"'{replaced[0]}' exists already.")


def _private_names() -> set[str]:
    return {option.name for option in magic_verb("%deploy").options if option.private}


def _key(text: str) -> str:
    """The part of a pair that is no secret; nothing of what is no pair."""
    key, equals, _ = text.partition("=")
    return key.strip() if equals else ""


def _sample(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return Path(text)
