"""Files in v1's words say what was chosen: they are read back to the same."""

from pathlib import Path

import pytest

from mlmagic.configurations import expand, parse, write_configurations

NAMES = {"dock": "aci", "k": "aks", "local": "local"}


WANTED = [
    ("local", {"target": "local", "auth": "none", "cpu": "2", "memory": "1G", "workers": 2}),
    ("docker", {"target": "dock", "gpus": "all", "memory": "512Mi", "port": 80}),
    ("docker", {"target": "elsewhere", "gpus": "2", "scoring_timeout_ms": 5}),
    ("docker", {"target": "dock", "volumes": ("/a:/b:ro", "c:/d"), "networks": ("front",)}),
    ("kubernetes", {"target": "k", "tolerations": ("gpu=yes:NoSchedule", "5")}),
    (
        "kubernetes",
        {
            "target": "k",
            "cpu": "0.5:1",
            "memory": "1500M:2G",
            "autoscale_min": 2,
            "autoscale_max": 4,
            "liveness_period_seconds": 5,
            "labels": {"team": "a"},
        },
    ),
]


@pytest.mark.parametrize("kind", ["json", "yaml"])
@pytest.mark.parametrize(("compute_type", "values"), WANTED)
def test_what_is_written_is_read_back(kind, compute_type, values):
    script = {"script": "score.py", "source_directory": "src", "environment": "forest"}
    written = write_configurations(
        values | script, compute_type=compute_type, compute_names=NAMES, kind=kind
    )
    suffix = "json" if kind == "json" else "yml"
    inference, deployment = written.parts
    assert inference.name == f"inferenceconfig.{suffix}"
    assert deployment.name == f"deploymentconfig.{suffix}"
    assert parse("inference", inference.text, name="ic").given == script
    read = parse("deployment", deployment.text, name="dc")
    target = NAMES.get(values["target"], values["target"])
    assert read.given["target"] == target
    fields = {key: value for key, value in values.items() if key != "target"}
    assert _numbers(expand(read.values, compute_type)) == _numbers(expand(fields, compute_type))
    assert written.used == values.keys() | script.keys()
    assert read.warnings == ()


def _numbers(fields):
    """Without how memory is spelt: 1G is 1000M."""
    return {key: {"1000M": "1G", "2000M": "2G"}.get(f"{value}", f"{value}") if key.startswith("mem")
            else f"{value}" for key, value in fields.items()}  # fmt: skip


@pytest.mark.parametrize(("compute_type", "values"), WANTED)
def test_what_is_written_for_a_cell_is_read_back_to_the_letter(compute_type, values):
    script = {"name": "svc", "script": Path("score.py"), "source_directory": Path("src")}
    written = write_configurations(
        values | script, compute_type=compute_type, compute_names=NAMES, kind="cell"
    )
    inference, deployment = written.parts
    assert (inference.name, deployment.name) == ("svc-inference", "svc-deployment")
    given = parse("inference", inference.text, name="ic").given
    assert given == {"script": "score.py", "source_directory": "src"}
    read = parse("deployment", deployment.text, name="dc")
    assert expand(read.given, compute_type) == expand(values, compute_type)
    assert not read.of_v1  # such a file has rules of its own
    assert written.used == values.keys() | {"script", "source_directory"}


@pytest.mark.parametrize("kind", ["cell", "json", "yaml"])
def test_a_configuration_that_is_named_is_not_written_and_what_is_said_over_it_stays(kind):
    values = {"name": "svc", "script": "score.py", "port": 1, "target": "local", "workers": 2}
    kinds = {"compute_type": "local", "compute_names": NAMES, "kind": kind}
    written = write_configurations(values | {"inference_config": "mine"}, **kinds)
    assert [part.kind for part in written.parts] == ["deployment"]
    assert written.used == {"port", "target", "workers"}
    written = write_configurations(values | {"deployment_config": "a.yml"}, **kinds)
    assert [part.kind for part in written.parts] == ["inference"]
    assert (written.used, written.ours) == ({"script"}, ())
    both = {"inference_config": "mine", "deployment_config": "a.yml"}
    written = write_configurations(values | both, **kinds)
    assert (written.parts, written.used) == ((), frozenset())


def test_secrets_stay_on_the_line():
    values = {"variables": {"T": "s3cret"}, "secrets": {"a": "b"}, "port": 1}
    written = write_configurations(values, compute_type="docker", compute_names={})
    assert [part.text for part in written.parts] == ['{\n  "port": 1\n}\n']
    assert written.used == {"port"}
    assert written.ours == ()


def test_keys_that_only_we_have_are_named_and_conda_files_are_v1s():
    values = {"script": "score.py", "environment": "conda.yml", "workers": 2, "memory": "512Mi"}
    values["networks"] = ("front",)
    written = write_configurations(values, compute_type="docker", compute_names={})
    assert sorted(written.ours) == ["memory", "networks", "workers"]
    assert '"condaFile": "conda.yml"' in written.parts[0].text
