"""The option tables: lines in, keywords out."""

import inspect
import shlex

import pytest

from mlmagic.errors import UsageError
from mlmagic.options import (
    COMMON,
    VERBS,
    build_parser,
    configuration_options,
    describe,
    find_verb,
    parse,
    require,
)


def read(line: str) -> dict:
    verb, rest = find_verb(shlex.split(line))
    options = (*verb.options, *COMMON)
    values = parse(build_parser(options, prog=verb.title), options, rest)
    require(values, verb.options)
    return values


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("deploy svc", {"name": "svc"}),
        ("model deploy -n svc -m a -m b:2", {"name": "svc", "models": ("a", "b:2")}),
        ("deploy svc --gb 0.5 --ae true", {"name": "svc", "memory": "500M", "auth": "key"}),
        ("deploy svc --cp ACI --cc 500m", {"name": "svc", "target": "aci", "cpu": "500m"}),
        ("deploy svc --no-wait --plan", {"name": "svc", "wait": False, "plan": True}),
        ("deploy s --env A=1 --env B=x=y", {"name": "s", "variables": {"A": "1", "B": "x=y"}}),
        ("deploy --port 80 svc --auth NONE", {"name": "svc", "port": 80, "auth": "none"}),
        ("model show -n iris --version 2", {"model": "iris:2"}),
        ("register a.bin b.bin -n x", {"source": ("a.bin", "b.bin"), "name": "x"}),
        ("model register -p a.bin -n x", {"source": ("a.bin",), "name": "x"}),
        ("service get-logs -n s -l 5", {"name": "s", "tail": 5}),
        ("service regen-key s -k primary", {"name": "s", "key": "Primary"}),
        ("run n.ipynb -p a 1 -p b x", {"notebook": "n.ipynb", "parameters": {"a": "1", "b": "x"}}),
        ("config", {}),
        ("services", {}),
        ("deploy s --compute-type aks --compute-target prod", {"name": "s", "target": "prod"}),
        ("deploy s --compute-type aci --compute-target ''", {"name": "s", "target": "aci"}),
    ],
)
def test_a_line_becomes_keywords(line, values):
    assert read(line) == values


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("deploy -n", "--name: expected one argument."),
        ("deploy", "SERVICE is missing"),
        ("deploy s --memry 1", "no option '--memry'. Did you mean '--memory'?"),
        ("deploy s --memory 1g", "'1g' is not a quantity; did you mean '1G' or '1Gi'?"),
        ("deploy s --memory 0", "'0' is not above zero"),
        ("deploy s --memory 1G --gb 1", "--memory and --gb say the same thing"),
        ("deploy s --wait --no-wait", "say the same thing"),
        ("deploy s --port 70000", "--port: '70000' is out of range; allowed: from 1 to 65535."),
        ("deploy s --auth maybe", "'maybe' is not allowed. Known: 'key', 'none'."),
        ("deploy s --tag x", "--tag: 'x' is not of the form KEY=VALUE."),
        ("deploy s other", "The word 'other' is one too many."),
        ("deploy s --port", "--port: expected one argument."),
        ("servce list", "'servce' is not a verb. Did you mean 'service'?"),
        ("service lst", "'service lst' is not a verb. Did you mean 'list'?"),
        ("config lsit", "'config lsit' is not a verb. Did you mean 'list'?"),
        ("service", "'service' needs a verb. Verbs: list, show"),
        ("", "A verb is missing."),
    ],
)
def test_a_wrong_line_is_told_with_the_way_out(line, told):
    with pytest.raises(UsageError) as caught:
        read(line)
    assert told in str(caught.value)


def test_magics_with_names_of_their_own_take_no_abbreviations():
    with pytest.raises(UsageError, match="no option '--over'"):
        read("deploy s --over")


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.title)
def test_rows_are_sound(verb):
    flags = [flag for option in (*verb.options, *COMMON) for flag in option.flags]
    assert len(flags) == len(set(flags))
    assert verb.help.endswith(".")
    assert all(not option.help.endswith(".") for option in verb.options)


@pytest.mark.parametrize(
    "verb", [v for v in VERBS if v.examples and v.shell], ids=lambda v: v.title
)
def test_examples_parse(verb, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file in ("sample.json", "card.md"):
        (tmp_path / file).write_text("[]")
    for example in verb.examples:
        found, _ = find_verb(shlex.split(example))
        read(example)
        assert found is verb


def test_a_group_without_a_verb_names_each_once():
    with pytest.raises(UsageError, match="'model' needs a verb") as told:
        read("model")
    verbs = str(told.value).partition("Verbs: ")[2].rstrip(".").split(", ")
    assert "trust" in verbs
    assert len(verbs) == len(set(verbs))


def test_words_lead_to_one_verb():
    paths = [path for verb in VERBS if verb.shell for path in (verb.path, *verb.aliases)]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.title)
def test_options_are_keywords_of_the_method(verb):
    from mlmagic import runs
    from mlmagic.azureml import importing
    from mlmagic.cli import command
    from mlmagic.entities import ModelDetails
    from mlmagic.workspace import Workspace

    owners = {"runs": runs, "azureml": importing, "shell": command}
    owner = owners.get(verb.owner, Workspace)
    method = getattr(owner, verb.method)
    keywords = inspect.signature(method).parameters
    takes_more = any(p.kind is p.VAR_KEYWORD for p in keywords.values())
    # Read by the front end itself.
    ours = {"last", "expand", "raw_parameters", "database_url", "store_url"}
    names = {option.name for option in verb.options} - ours
    if verb.method == "register_model":
        takes_more, names = False, names - set(ModelDetails.__annotations__)
    assert takes_more or names <= set(keywords)
    assert not verb.progress or "on_event" in keywords or takes_more


def test_configuration_keys_come_in_both_spellings():
    keys = configuration_options("deployment")
    assert keys["scoring_timeout_ms"] is keys["scoringTimeoutMs"]
    assert keys["containerResourceRequirements.memoryInGB"].read(0.5) == "500M"
    assert keys["authEnabled"].read(False) == "none"
    assert keys["computeType"].read("LOCAL") == "local"
    assert set(configuration_options("inference")) >= {"entryScript", "source_directory"}


@pytest.mark.parametrize(("key", "value"), [("port", True), ("port", 1.5), ("workers", [1])])
def test_values_of_files_are_checked_too(key, value):
    with pytest.raises(ValueError, match="is not a whole number"):
        configuration_options("deployment")[key].read(value)


def test_help_begins_with_what_is_needed_and_groups_the_rest():
    lines = describe(["deploy"], "mlmagic").splitlines()
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings[:4] == ["required:", "models and script:", "target:", "resources:"]
    assert headings[-2:] == ["output:", "examples:"]
    assert "options:" not in headings  # every row has its place
    assert lines[0] == "usage: mlmagic deploy SERVICE [OPTION …]"
    scaling = lines[lines.index("scaling:") :]
    assert any("--autoscale-max-replicas" in line for line in scaling[: scaling.index("")])
    needed = describe(["service", "regen-key"], "%ml").splitlines()
    assert needed.index("  -k Primary|Secondary, --key Primary|Secondary") < needed.index(
        "options:"
    )
