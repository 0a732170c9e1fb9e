"""Azure ML v1's registration row by row: from Python, from a magic, from a shell.

Each rule of v1 is a line that is run in all three ways, or has a test elsewhere, or is a difference
that docs/models.md gives a reason for.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from mlmagic import Workspace
from mlmagic.cli import main
from mlmagic.errors import MlmagicError, UsageError
from mlmagic.options import build_parser, find_verb, parse
from mlmagic.options.parsing import require

ROOT = Path(__file__).parents[2]
FRAMEWORKS = {
    "Custom": "custom", "TensorFlow": "tensorflow", "ScikitLearn": "scikit-learn", "Onnx": "onnx",
    "TfKeras": "keras", "PyTorch": "pytorch", "Multi": "multi",
}  # fmt: skip

# The rule, a line, and what is so afterwards: of the workspace, of the model NEW, of the ids that
# the line told. The rows follow one another in one workspace.
NEW = "model register -n NEW -p weights.bin"
ROWS: list[tuple[str, str, Any]] = [
    ("2.1 several files are one model", "model register -n NEW -p mnist",
     lambda w, m, told: paths(m) == ["mnist/deep/labels.txt", "mnist/model.txt"]),
    ("2.1 the path only locates the files", "model register -n NEW -p ./mnist/../weights.bin",
     lambda w, m, told: paths(m) == ["weights.bin"]),
    ("2.2 version: from 1; id", NEW, lambda w, m, told: told == [m.id] == [f"{m.name}:1"]),
    ("2.2 version: one more each time", "model register -n grown -p weights.bin",
     lambda w, m, told: told == ["grown:2"]),
    ("2.2 tags, properties, description",
     f"{NEW} --tag area=mnist --tag a=b --property k=v -d 'two words'",
     lambda w, m, told: (m.tags, m.properties, m.description)
     == ({"area": "mnist", "a": "b"}, {"k": "v"}, "two words")),
    ("2.2 created_time, created_by", NEW, lambda w, m, told: m.created_at and m.created_by),
    *((f"2.2 model_framework {word}, and its version",
       f"{NEW} --model-framework {word} --model-framework-version 1.5",
       lambda w, m, told, ours=ours: (m.framework, m.framework_version) == (ours, "1.5"))
      for word, ours in FRAMEWORKS.items()),
    ("2.2 parent_id, derived_model_ids", f"{NEW} --parent old:1",
     lambda w, m, told: m.lineage.parent == "old:1"),
    ("2.2 derived_model_ids", "model list --parent old:1", lambda w, m, told: len(told) == 1),
    ("2.2 derived_model_ids: none", "model list --parent old:2", lambda w, m, told: told == []),
    ("2.2 datasets by scenario", f"{NEW} --dataset training=iris@1 --dataset validation=iris@2",
     lambda w, m, told: m.lineage.datasets
     == {"training": ("iris@1",), "validation": ("iris@2",)}),
    ("2.2 sample_input_dataset, sample_output_dataset",
     f"{NEW} --sample-input-dataset-id [[1,2]] --sample-output-dataset-id [3]",
     lambda w, m, told: m.sample and m.sample_output),
    ("2.2 resource_configuration", f"{NEW} --cc 0.5 --gb 1.5 --gc 1",
     lambda w, m, told: (m.resources.cpu, m.resources.memory_gb, m.resources.gpu)
     == (0.5, 1.5, 1)),
    ("2.3 child_paths", "model register -n NEW -p mnist --child-path deep",
     lambda w, m, told: paths(m) == ["mnist/deep/labels.txt"]),
    ("2.3 a single file has its base name", "model register -n NEW -p mnist/model.txt",
     lambda w, m, told: paths(m) == ["model.txt"]),
    ("2.4 a file of the run; experiment and run are recorded",
     "model register -n NEW --run-id 8d2e --asset-path outputs/model.txt",
     lambda w, m, told: (paths(m), m.lineage.experiment, m.lineage.run_id)
     == (["model.txt"], "flowers", "8d2e")),
    ("2.4 a folder of the run", "model register -n NEW --run-id 8d2e --asset-path outputs",
     lambda w, m, told: paths(m) == ["outputs/deep/labels.txt", "outputs/model.txt"]),
    ("2.4 no path: the name", "model register -n outputs --run-id 8d2e",
     lambda w, m, told: told == ["outputs:1"]),
    ("2.6 by name: the latest", "model show -n old", lambda w, m, told: told == ["old:2"]),
    ("2.6 by name and version", "model show -n old --version 1",
     lambda w, m, told: told == ["old:1"]),
    ("2.6 by id", "model show -i old:1", lambda w, m, told: told == ["old:1"]),
    ("2.6 list by name", "model list -n old", lambda w, m, told: told == ["old:1", "old:2"]),
    ("2.6 list: latest", "model list -n old --latest", lambda w, m, told: told == ["old:2"]),
    ("2.6 filters: KEY, KEY=VALUE, all of them",
     "model list --tag n=1 --property q1 --property p=1", lambda w, m, told: told == ["old:1"]),
    ("2.6 list by data", "model list --dataset-id iris@2", lambda w, m, told: len(told) == 1),
    ("2.6 list by framework", "model list --framework Onnx", lambda w, m, told: len(told) == 1),
    ("2.6 list by run", "model list --run-id none", lambda w, m, told: told == []),
    ("2.7 download", "model download -i old:1 -t out",
     lambda w, m, told: (w.root / "out" / "old.bin").read_bytes() == b"1"),
    ("2.7 download: exist_ok", "model download -i old:2 -t out --overwrite",
     lambda w, m, told: (w.root / "out" / "old.bin").read_bytes() == b"2"),
    ("2.7 update", "model update -i old:1 --description words --cc 2 --gb 3 --gc 1",
     lambda w, m, told: (old := w.show_model("old:1")).description == "words"
     and old.resources.gpu == 1),
    ("2.7 update: samples",
     "model update -i old:1 --sample-input-dataset-id [1] --sample-output-dataset-id [2]",
     lambda w, m, told: w.show_model("old:1").sample and w.show_model("old:1").sample_output),
    ("2.7 add_tags, remove_tags, add_properties",
     "model update -i old:1 --add-tag a=b --remove-tag n --add-property x=y",
     lambda w, m, told: (old := w.show_model("old:1")).tags == {"a": "b"}
     and old.properties == {"p": "1", "q1": "", "x": "y"}),
    ("2.7 add_dataset_references", "model update -i old:1 --add-dataset training=iris@1",
     lambda w, m, told: w.show_model("old:1").lineage.datasets == {"training": ("iris@1",)}),
    ("2.9 register -t/--output-metadata-file", f"{NEW} -t out.json",
     lambda w, m, told: json.loads((w.root / "out.json").read_text())
     == {"workspaceName": w.name, "resourceGroupName": "local", "modelId": m.id}),
    ("2.9 the seed's example", "model register -n NEW -p mnist/model.txt --tag onnx=demo -d zoo",
     lambda w, m, told: m.tags == {"onnx": "demo"}),
    ("2.7 delete: that version alone", "model delete -i old:2",
     lambda w, m, told: [old.id for old in w.list_models(name="old")] == ["old:1"]),
    ("2.9 delete <model id>", "model delete old:1",
     lambda w, m, told: w.list_models(name="old") == []),
]  # fmt: skip

REFUSED = [
    ("2.2 name: its first letter", "model register -n .x -p weights.bin", "is not valid"),
    ("2.2 name: its length", f"model register -n {'x' * 256} -p weights.bin", "is not valid"),
    ("2.2 framework version", f"{NEW} --model-framework-version 1", "without a framework"),
    ("2.2 resources", f"{NEW} --cc 0", "above zero"),
    ("2.3 model_path", "model register -n NEW -p none.bin", "no path 'none.bin'|not exist"),
    ("2.3 child_paths", "model register -n NEW -p mnist --child-path none", "'none' does not ex"),
    ("2.3 tags", f"{NEW} --tag x", "KEY=VALUE"),
    (
        "2.4 no match lists what there is",
        "model register -n NEW --run-id 8d2e --asset-path none",
        r"no file 'none'.*outputs/model\.txt",
    ),
    ("2.5 metric without a search", f"{NEW} --metric f1", "neither a search nor a study"),
    ("2.6 neither id nor name", "model show", "MODEL is missing"),
    ("2.6 not found", "model show -n none", "No model is registered as 'none'"),
    ("2.7 file exists", "model download -i old:1 -t .", "old.bin' exists already"),
    ("2.7 remove_tags", "model update -i old:1 --remove-tag none", "has no tag 'none'"),
    ("2.7 properties", "model update -i old:1 --add-property p=2", "modified: p"),
    ("2.9 -f names a run", f"{NEW} -f run.json", "Both a source and a run"),
    ("2.9 -f: no file", "model register -n x -f none.json", "'none.json' cannot be read"),
    ("2.9 -f: another file", "model register -n x -f out.json", "has no key 'run_id'"),
]

# What needs searches: the rule, and the test that has it. From a shell, it is a difference.
ELSEWHERE = {
    "2.5 the primary metric, a metric, the name": "test_the_best_of_a_search_by_its_primary_metric",
    "2.5 an iteration": "test_another_trial_of_a_search_needs_a_function",
    "2.5 both iteration and metric; no such one": "test_wrong_choices_are_told",
    "2.5 whether a metric is maximised": "test_a_study_of_optuna",
}
# What differs: a word of its row in docs/models.md.
DIFFERENT = (
    "always makes a version", "current folder", "prefix of names", "in the cloud", "run.model_id",
    "page_count", "resource_configuration", "sample_*_dataset", "dataset_id", "get_sas_urls",
    "`remove_tags`", "`unpack`, `mime_type`, `url`", "TfKeras", "while an image", "wasb",
    "no model is registered", "AutoMLRun.register_model` from a shell",
)  # fmt: skip


def paths(model: Any) -> list[str]:
    return [file.path for file in model.files]


@pytest.fixture
def workspace(shell, tmp_path):
    """Models to work on, and files to register."""
    for path, text in {
        "weights.bin": "1 2 3", "mnist/model.txt": "weights", "mnist/deep/labels.txt": "labels",
        "run.json": '{"_experiment_name": "flowers", "run_id": "4f1c"}', "out.json": "{}",
        ".mlmagic/runs/flowers/8d2e/run.json": "{}",
        ".mlmagic/runs/flowers/8d2e/outputs/model.txt": "weights",
        ".mlmagic/runs/flowers/8d2e/outputs/deep/labels.txt": "labels",
    }.items():  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    made = Workspace(tmp_path)
    for number in ("1", "2"):
        (tmp_path / "old.bin").write_text(number)
        labels = {"tags": {"n": number}, "properties": {"p": "1", f"q{number}": ""}}
        made.register_model("old.bin", name="old", **labels)
    made.register_model("old.bin", name="grown")
    yield made
    made.registry.close()


@pytest.fixture(params=["python", "magic", "shell"])
def run(request, workspace, shell, capsys):
    """Runs a line; returns the ids that it told of."""

    def in_python(line):
        verb, words = find_verb(shlex.split(line))
        values = parse(build_parser(verb.options, prog=""), verb.options, words)
        require(values, verb.options)
        return getattr(workspace, verb.method)(**values)

    def in_a_shell(line):
        capsys.readouterr()
        if main([*shlex.split(line), "-o", "json"]):
            raise UsageError(capsys.readouterr().err)
        text = capsys.readouterr().out
        return json.loads(text) if text.startswith(("[", "{")) else None

    ways = {
        "python": in_python,
        "magic": lambda line: shell.run_line_magic("ml", line),
        "shell": in_a_shell,
    }
    return lambda line: ids(ways[request.param](line))


def ids(result: Any) -> list[str]:
    if isinstance(result, list):
        return [each for one in result for each in ids(one)]
    model = result.get("model", result) if isinstance(result, dict) else result
    model = getattr(model, "model", model)
    return [model["id"] if isinstance(model, dict) else getattr(model, "id", "")]


def test_every_row_works(run, workspace):
    for number, (rule, line, holds) in enumerate(ROWS):
        name = f"new-{number}"
        told = run(line.replace("NEW", name))
        found = workspace.list_models(name=name)
        assert holds(workspace, found[-1] if found else None, told), (rule, told, found)


def test_every_refusal_says_why(run, workspace):
    before = workspace.list_models()
    for rule, line, why in REFUSED:
        with pytest.raises(MlmagicError) as refused:
            run(line)
        assert re.search(why, str(refused.value)), rule
    assert workspace.list_models() == before


@pytest.mark.parametrize("rule", ELSEWHERE)
def test_what_needs_a_search_has_its_test(rule):
    source = (ROOT / "tests" / "registry" / "test_runs.py").read_text()
    assert f"def {ELSEWHERE[rule]}(" in source


def test_searches_by_a_magic(workspace, shell):
    """2.5, as tests/registry/test_runs.py has it in Python."""
    scoring = ("accuracy", "neg_log_loss")
    search = GridSearchCV(
        LogisticRegression(max_iter=500), {"C": [0.1, 1.0]}, scoring=scoring, refit="accuracy"
    )
    shell.user_ns["search"] = search.fit(*load_iris(return_X_y=True))
    by_primary = shell.run_line_magic("register", "search")
    assert by_primary.model.name == "GridSearchCVbest"
    by_metric = shell.run_line_magic("register", "search --name iris --metric accuracy")
    assert by_metric.model.lineage.metrics["accuracy"] == search.best_score_
    by_iteration = shell.run_line_magic("register", f"search --iteration {search.best_index_}")
    assert by_iteration.model.lineage.run_id == f"GridSearchCV:{search.best_index_}"
    for line, why in (
        ("search --iteration 1 --metric accuracy", "Both the iteration '1' and the metric"),
        ("search --iteration 9", "no finished iteration '9'"),
        ("search --metric acuracy", "Did you mean 'accuracy'"),
    ):
        with pytest.raises(MlmagicError, match=why):
            shell.run_line_magic("register", line)


@pytest.mark.parametrize("word", DIFFERENT)
def test_every_difference_has_a_reason(word):
    page = (ROOT / "docs" / "models.md").read_text()
    rows = [line.strip("|\n").split("|") for line in page.splitlines() if line.startswith("|")]
    assert [len(row) for row in rows if word in row[0] and row[-1].strip()] == [3]
