"""Files in v1's words say what was chosen: they are read back to the same."""

import pytest

from mlmagic.configurations import expand, parse, write_configurations

NAMES = {"dock": "aci", "k": "aks", "local": "local"}


@pytest.mark.parametrize("kind", ["json", "yaml"])
@pytest.mark.parametrize(
    ("compute_type", "values"),
    [
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
    ],
)
def test_what_is_written_is_read_back(kind, compute_type, values):
    script = {"script": "score.py", "source_directory": "src", "environment": "forest"}
    written = write_configurations(
        values | script, compute_type=compute_type, compute_names=NAMES, kind=kind
    )
    suffix = "json" if kind == "json" else "yml"
    assert list(written.files) == [f"inferenceconfig.{suffix}", f"deploymentconfig.{suffix}"]
    inference, deployment = written.files.values()
    assert parse("inference", inference, name="ic").given == script
    read = parse("deployment", deployment, name="dc")
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


def test_secrets_stay_on_the_line():
    values = {"variables": {"T": "s3cret"}, "secrets": {"a": "b"}, "port": 1}
    written = write_configurations(values, compute_type="docker", compute_names={})
    assert written.files == {"deploymentconfig.json": '{\n  "port": 1\n}\n'}
    assert written.used == {"port"}
    assert written.ours == ()


def test_keys_that_only_we_have_are_named_and_conda_files_are_v1s():
    values = {"script": "score.py", "environment": "conda.yml", "workers": 2, "memory": "512Mi"}
    values["networks"] = ("front",)
    written = write_configurations(values, compute_type="docker", compute_names={})
    assert sorted(written.ours) == ["memory", "networks", "workers"]
    assert '"condaFile": "conda.yml"' in written.files["inferenceconfig.json"]
