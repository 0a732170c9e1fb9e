"""The tab key."""

import warnings

import pytest


@pytest.fixture
def complete(shell, tmp_path):
    (tmp_path / "model.bin").write_bytes(b"model")
    shell.cell("%register model.bin --name tiny")
    shell.cell("ridge = 1")
    shell.cell("%%deployment_config dc\nport: 8890\n")

    def complete(line: str) -> list[str]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the interface is marked provisional
            found = list(shell.Completer.completions(line, len(line)))
        return [line[: it.start] + it.text for it in found]

    return complete


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("%deploy svc --mem", "%deploy svc --memory"),
        ("svc = %deploy svc --pl", "svc = %deploy svc --plan"),
        ("%deploy svc --model ti", "%deploy svc --model tiny"),
        ("%deploy svc --model tiny:", "%deploy svc --model tiny:1"),
        ("%deploy svc --target ", "%deploy svc --target local"),
        ("%deploy svc --auth n", "%deploy svc --auth none"),
        ("%deploy svc --dc ", "%deploy svc --dc dc"),
        ("%deploy svc -e mini", "%deploy svc -e minimal"),
        ("%register rid", "%register ridge"),
        ("%register ridge --sample rid", "%register ridge --sample ridge"),
        ("%ml ser", "%ml service"),
        ("%ml service l", "%ml service logs"),
        ("%ml model show t", "%ml model show tiny:1"),
        ("%ml model list --la", "%ml model list --latest"),
        ("%ml model list -o js", "%ml model list -o jsonc"),
        ("%ml config show ", "%ml config show dc"),
        ("%%score_script score.py --mod", "%%score_script score.py --model"),
        ("%score_script --la", "%score_script --last"),
    ],
)
def test_what_can_follow_is_offered(complete, line, wanted):
    assert wanted in complete(line)


def test_a_new_version_is_named_without_one(complete):
    assert complete("%register ridge --name ti") == ["%register ridge --name tiny"]


def test_an_empty_place_offers_our_spelling_of_each_option(complete):
    offered = complete("%deploy ")
    assert "%deploy --port" in offered
    assert "%deploy --po" not in offered


def test_other_lines_are_left_alone(complete):
    assert all("--" not in found for found in complete("ridge"))
    assert all("--" not in found for found in complete("%time "))


def test_paths_are_left_to_the_shell(complete):
    assert any("model.bin" in found for found in complete("%register mod"))


def test_a_damaged_workspace_completes_nothing(complete, tmp_path):
    (tmp_path / ".mlmagic" / "workspace.json").write_text("{")
    assert isinstance(complete("%ml service show "), list)
