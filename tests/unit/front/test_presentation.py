"""Results as text, HTML and JSON."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlmagic.doctor import Check, DoctorReport, examine
from mlmagic.entities import (
    CellOrigin,
    ContentFile,
    Lineage,
    Lock,
    Model,
    Problem,
    Registration,
    Sample,
    ScriptReport,
    TrialResult,
)
from mlmagic.errors import UsageError
from mlmagic.images.housekeeping import ImagePruneReport
from mlmagic.presentation import present, to_data, write
from mlmagic.settings import Settings

FILE = ContentFile(path="model.skops", sha256="ab" * 32, size=9612)
MODEL = Model(
    name="diabetes",
    version=1,
    files=(FILE,),
    digest="1f0c93" + "0" * 58,
    framework="scikit-learn",
    framework_version="1.9.1",
    tags={"area": "health"},
    description="<script>alert(1)</script>",
    sample=Sample(kind="dataframe", shape=(2, 10), content=FILE),
    lineage=Lineage(git_commit="0123456789", git_dirty=True, execution_count=3),
    created_at=datetime.now(UTC),
)


def test_a_registration_is_one_line():
    line = present(Registration(model=MODEL, outcome="registered")).text
    assert line == (
        "diabetes:1  registered   scikit-learn 1.9.1 · 9.6 kB · sha256:1f0c93… · "
        "sample: 2 rows x 10 columns"
    )


@pytest.mark.parametrize(
    ("outcome", "newest", "line"),
    [
        ("unchanged", 1, "diabetes:1  unchanged (same content)"),
        ("unchanged", 2, "diabetes:1  unchanged (same content; the newest is diabetes:2)"),
        ("updated", 1, "diabetes:1  updated"),
        ("updated", 2, "diabetes:1  updated (the newest is diabetes:2)"),
    ],
)
def test_nothing_new_is_said(outcome, newest, line):
    assert present(Registration(model=MODEL, outcome=outcome, newest=newest)).text == line


def test_a_model_tells_its_lineage():
    text = present(MODEL).text
    assert "commit 01234567 with changes" in text
    assert "In [3]" in text
    assert "area=health" in text


SCRIPT = ScriptReport(
    file="score.py",
    lines=11,
    origin=CellOrigin(execution_count=4),
    imports=("pandas", "mlmagic.scoring"),
    trial=TrialResult(
        ok=True, init_seconds=0.31, run_ms=2.1, result="[189.821695868, 82.516531362]"
    ),
    lock=Lock(
        identity="5c1f02" + "0" * 58,
        text="pandas==2.0 \\\n    --hash=sha256:00\n",
        python_version="3.11",
        platform="linux-x86_64",
    ),
    problems=(
        Problem(code="x", message="'data.csv' will not travel.", line=3, severity="warning"),
    ),
)


def test_a_script_tells_what_was_captured_and_tried():
    assert present(SCRIPT).text.splitlines() == [
        "score.py   captured from In [4] · 11 lines · imports mlmagic.scoring, pandas",
        (
            "tried      init() 0.31 s · run(sample) 2.1 ms → [189.8, 82.5] · "
            "environment 5c1f02 (Python 3.11, 1 package, locked)"
        ),
        "warning    In [4], line 4: 'data.csv' will not travel.",
    ]


def test_html_is_escaped():
    html = present(MODEL).html
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_models_are_a_table():
    lines = present([MODEL]).text.splitlines()
    assert lines[0].split() == ["name", "version", "framework", "size", "tags", "registered"]
    assert lines[1].startswith("diabetes  1        scikit-learn 1.9.1  9.6 kB")
    assert "<th" in present([MODEL]).html


def test_an_empty_list_is_said_in_words():
    assert present([], kind="Model").text.startswith("There is no such model.")
    assert present([], kind="Webservice").text.startswith("No service is deployed yet.")


def test_json_is_camel_case_and_keeps_the_users_keys():
    data = to_data(MODEL)
    assert data["id"] == "diabetes:1"
    assert data["frameworkVersion"] == "1.9.1"
    assert data["tags"] == {"area": "health"}
    json.dumps(data)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("json", '[\n  {\n    "a": 1,\n    "b": "x y"\n  }\n]'),
        ("yaml", "- a: 1\n  b: x y"),
        ("tsv", "1\tx y"),
        ("none", ""),
    ],
)
def test_output_formats(kind, text):
    assert write([{"a": 1, "b": "x y"}], kind) == text


def test_queries():
    assert write([{"a": 1}, {"a": 2}], "tsv", query="[].a") == "1\n2"
    with pytest.raises(UsageError, match="is not JMESPath"):
        write([], "json", query="[")
    with pytest.raises(UsageError, match="is not JMESPath: Unknown function: newest"):
        write([], "json", query="newest(@)")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("[?n > `0`]", "'>' not supported between instances of 'str' and 'int'"),
        ("min_by(@, &n)", "'<' not supported between instances of 'str' and 'int'"),
        ("[0].merge(@, `[1]`)", "sequence"),
        ("[0].contains(t, n)", "requires string as left operand, not int"),
        ("length([0].n)", r'expected one of: \[.*\], received: "number"'),
    ],
)
def test_a_query_that_does_not_fit_the_data_is_told(query, told):
    data = [{"n": 1, "t": "a"}, {"n": "b", "t": "c"}]
    with pytest.raises(UsageError, match=f"does not fit the types of what it reads: .*{told}"):
        write(data, "json", query=query)


def test_answers_stay_json():
    assert present([189.8, 82.5]).text == "[189.8, 82.5]"
    assert present({"a": "ä"}).text == '{"a": "ä"}'


def test_settings_are_a_table_with_origins():
    text = present(Settings(None, {"headless": True}).rows(), kind="settings").text
    assert text.splitlines()[0].split() == ["setting", "value", "origin", "meaning"]
    assert "argument" in text


def test_the_doctor_tells_what_to_do():
    report = DoctorReport(
        checks=(
            Check(name="uv", state="missing", found="no uv", advice="Run: pip install uv."),
            Check(name="Docker", state="ok", found="engine 27"),
        )
    )
    assert not report.healthy
    assert present(report).text.splitlines()[-1] == "uv: Run: pip install uv."


def test_the_doctor_examines_this_machine(tmp_path):
    report = examine(tmp_path / "new", tmp_path)
    found = {check.name: check for check in report.checks}
    assert report.healthy
    assert {"Python", "kernel", "uv", "workspace", "panels", "Docker", "Kubernetes"} <= set(found)
    assert all(check.advice for check in report.checks if check.state != "ok")


def test_the_doctor_sees_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'none.sock'}")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    found = {check.name: check for check in examine(tmp_path, tmp_path).checks}
    assert found["Docker"].state == found["Kubernetes"].state == "optional"
    Path(tmp_path / "config").write_text("{}")
    assert {c.name: c.state for c in examine(tmp_path, tmp_path).checks}["Kubernetes"] == "ok"


def test_images_that_stay_are_not_told_to_be_in_use():
    """What other workspaces made stays, whether anything uses it or not."""
    report = ImagePruneReport(removed=("svc:1",), kept=("other:1", "b:1"), freed=5, dry_run=False)
    assert present(report).text == "1 item removed (5 B) · 2 kept"
