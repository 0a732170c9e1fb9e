import json
import os
from pathlib import Path

import pytest

from mlmagic.scripts import check_script

DATA = Path(__file__).parents[2] / "data" / "scripts"
END = "\ndef init():\n    pass\n\ndef run(data):\n    return data\n"


def found(source, **options):
    return [(p.code, p.line, p.severity) for p in check_script(source, **options)]


@pytest.mark.parametrize("path", sorted(DATA.glob("check_good_*.py")), ids=lambda path: path.stem)
def test_good_scripts_have_no_problem(path):
    assert check_script(path.read_text(), name=str(path)) == []


def test_star_imports_are_one_weak_warning():
    source = "from numpy import *\nx = zeros(3) + ones(3)\n" + END
    ((code, line, severity),) = found(source)
    assert (code, line, severity) == ("undefined-name", 2, "warning")


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("%matplotlib inline", "ipython-syntax", "the magic '%matplotlib'"),
        ("!pip install pandas", "ipython-syntax", "the shell command '!pip install pandas'"),
        ("files = !ls", "ipython-syntax", "'!ls'"),
        ("x = %time 1", "ipython-syntax", "'%time'"),
        ("print?", "ipython-syntax", "help request 'print?'"),
        ("?print", "ipython-syntax", "'?print'"),
        ("%%time", "ipython-syntax", "cell magic '%%time'"),
        ("display(1)", "notebook-only-name", "Use print()"),
        ("get_ipython().run_line_magic('x', '')", "notebook-only-name", "only in IPython"),
        ("Out[3]", "notebook-only-name", "only in IPython"),
        ("x = threshold", "undefined-name", "'threshold' is defined nowhere"),
        ("x = np.zeros(3)", "undefined-name", "'import numpy as np'"),
        ("x = json.dumps(1)", "undefined-name", "'import json'"),
        ("x = [a for a in rows]", "undefined-name", "'rows'"),
        ("x = [b for a in [1]]", "undefined-name", "'b'"),
        ("class A:\n    y = missing", "undefined-name", "'missing'"),
        ("def f(a: Missing): pass", "undefined-name", "'Missing'"),
        ("x = 1 +", "syntax-error", "This is not Python: invalid syntax"),
        ("def f(:", "syntax-error", "not Python"),
        ("await f()", "syntax-error", "await"),
        ("return 3", "syntax-error", "outside function"),
        ("x = '\0'", "syntax-error", "null"),
        ("from . import helpers", "relative-import", "'from . import …'"),
        ("from mlmagic import Workspace", "notebook-import", "only 'mlmagic.scoring'"),
        ("from mlmagic import load_model", "notebook-import", "Import 'load_model' from there"),
        ("import mlmagic.registry", "notebook-import", "'mlmagic.registry'"),
    ],
)
def test_what_would_break_is_told_with_its_line(line, code, words):
    problems = check_script(f"import os\n{line}\n{END}")
    assert problems, line
    first = problems[0]
    assert first.code == code
    assert words in first.message
    assert first.line in (2, 3)
    assert first.severity == "error"


def test_all_ipython_lines_and_what_follows_them_are_found():
    source = "%load x\n!ls\nif True:\n    %time 1\nfiles = !ls\nprint(files, gone)\n" + END
    assert [item[:2] for item in found(source)] == [
        ("ipython-syntax", 1),
        ("ipython-syntax", 2),
        ("ipython-syntax", 4),
        ("ipython-syntax", 5),
        ("undefined-name", 6),
    ]


class Regressor:
    def predict(self, rows):
        return rows


def test_names_of_the_notebook_come_with_the_way_out():
    namespace = {
        "osp": os.path,
        "enc": json.JSONEncoder,
        "threshold": 0.5,
        "ridge": Regressor(),
        "clean": lambda row: row,
        "rows": [1, 2],
    }
    namespace["clean"].__module__ = "__main__"
    source = "x = [osp, enc, threshold, ridge, clean, rows]\n" + END
    messages = {
        problem.message.split("'")[1]: problem
        for problem in check_script(source, namespace=namespace)
    }
    assert {problem.code for problem in messages.values()} == {"notebook-name"}
    assert "exists only in the notebook" in messages["osp"].message
    assert "'import os.path as osp'" in messages["osp"].message
    assert "'from json import JSONEncoder as enc'" in messages["enc"].message
    assert "'threshold = 0.5'" in messages["threshold"].message
    assert "%register" in messages["ridge"].message
    assert "Move its definition" in messages["clean"].message
    assert "Define or import it" in messages["rows"].message


def test_names_alone_are_enough():
    source = "x = pd.DataFrame()\ny = rows\n" + END
    messages = [p.message for p in check_script(source, namespace=["pd", "rows"])]
    assert messages[0].endswith("Add the line 'import pandas as pd'.")
    assert "exists only in the notebook" in messages[1]


def test_a_model_local_to_init_is_explained():
    source = "def init():\n    model = 1\n\ndef run(data):\n    return model\n"
    (problem,) = check_script(source, namespace={"model": 3})
    assert "'global model'" in problem.message
    assert problem.line == 5


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ("", ["missing-init", "missing-run"]),
        ("def init(): pass", ["missing-run"]),
        ("class A:\n    def run(self, d): pass\ndef init(): pass", ["missing-run"]),
        ("def init(path): pass\ndef run(d): pass", ["init-arguments"]),
        ("def init(*, path): pass\ndef run(d): pass", ["init-arguments"]),
        ("async def init(): pass\nasync def run(d): pass", []),
        ("def init(): pass\ndef run(a: int, b: list[float]): pass", []),
        ("def init(): pass\ndef run(): pass", ["run-arguments"]),
        ("def init(): pass\ndef run(request_headers): pass", ["run-arguments"]),
        ("def init(): pass\ndef run(d, /): pass", ["run-arguments"]),
        ("def init(): pass\ndef run(*d): pass", ["run-arguments"]),
        ("def init(): pass\ndef run(d, **more): pass", ["run-arguments"]),
        ("def init(): pass\ndef run(a, b): pass", ["run-arguments"]),
        ("def init(): pass\ndef run(a, request_headers): pass", []),
        ("def init(): pass\nif True:\n    def run(*, a): pass", []),
        ("from lib import init, run", []),
        ("from json import *", []),
    ],
)
def test_the_contract_of_init_and_run(source, codes):
    assert [code for code, _, _ in found(source)] == codes


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("score.py", []),
        ("a/b/score_2.py", []),
        ("score.txt", ["file-name"]),
        ("my-score.py", ["file-name"]),
        ("2score.py", ["file-name"]),
        ("class.py", ["file-name"]),
        ("numpy.py", ["file-name"]),
    ],
)
def test_file_names(name, codes):
    assert [item[0] for item in found(f"import numpy\n{END}", name=name)] == codes


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("open('data.json')", "data-file"),
        ("open(file='data.json')", "data-file"),
        ("pd.read_csv('rows.csv')", "data-file"),
        ("read_parquet('rows.parquet')", "data-file"),
        ("Path('words.txt').read_text()", "data-file"),
        ("(Path('a') / 'words.txt').open()", "data-file"),
        ("open(Path('a', 'words.txt'))", "data-file"),
        ("open(os.path.join('a', 'b.txt'))", "data-file"),
        ("joblib.load('model.pkl')", "data-file"),
        ("open('/home/ada/model.pkl', 'rb')", "home-path"),
        ("open(os.path.expanduser('~/model.pkl'))", "home-path"),
        ("open(r'C:\\Users\\ada\\x')", "home-path"),
        ("open('/usr/share/dict/words')", None),
        ("open('out.txt', 'w')", None),
        ("open(mode='a', file='out.txt')", None),
        ("Path('out.txt').open('w')", None),
        ("open(Path(__file__).parent / 'data.json')", None),
        ("open(os.path.join(os.environ['AZUREML_MODEL_DIR'], 'x.pkl'))", None),
        ("open('azureml-models/x/1/x.pkl')", None),
        ("pd.read_csv('https://example.org/rows.csv')", None),
        ("load_model('diabetes.v2')", None),
        ("'a.txt'.open()", None),
        ("pd.read_sql('select 1', None)", None),
        ("print(open)", None),
        ("open(3)", None),
    ],
)
def test_data_files(line, code):
    source = (
        "import os, joblib\nimport pandas as pd\nfrom pandas import read_parquet\n"
        f"from pathlib import Path\nfrom mlmagic.scoring import load_model\n{line}\n{END}"
    )
    expected = [(code, 6, "warning")] if code else []
    assert found(source) == expected


def test_data_files_of_a_source_directory(tmp_path):
    folder = tmp_path / "work"
    (folder / "abc").mkdir(parents=True)
    (folder / "abc" / "extra.json").write_text("{}")
    source = "open('work/abc/extra.json')\nopen('abc/extra.json')\nopen('../other.csv')\n" + END
    problems = check_script(source, name=str(folder / "score.py"), source_directory=folder)
    assert [problem.line for problem in problems] == [2, 3]
    assert "'work/abc/extra.json'" in problems[0].message
    assert "not in the source directory" in problems[1].message


def test_modules_that_the_environment_lacks(tmp_path):
    (tmp_path / "helpers.py").write_text("import yaml\n")
    source = (
        "import sklearn, numpy, json, helpers\nfrom PIL import Image\n"
        "import mlmagic.scoring\n" + END
    )
    name = str(tmp_path / "score.py")
    assert check_script(source, name=name) == []
    problems = check_script(source, name=name, available=["numpy", "PyYAML", "scikit-learn"])
    assert [(problem.code, problem.line) for problem in problems] == [("missing-module", 2)]
    assert "Add 'pillow'" in problems[0].message
    problems = check_script(source, name=name, available=["numpy", "pillow"])
    assert [problem.line for problem in problems] == [1, 1]
    assert "Add 'scikit-learn'" in problems[0].message
    assert "(in 'helpers.py')" in problems[1].message


def test_a_broken_local_module_is_told_at_its_import(tmp_path):
    (tmp_path / "helpers.py").write_text("def f(:\n")
    problems = check_script("import helpers\n" + END, name=str(tmp_path / "score.py"))
    assert [(problem.code, problem.line) for problem in problems] == [("syntax-error", 1)]


def test_a_broken_text_that_asks_is_no_help_request():
    assert found('x = "what?\n' + END)[0][0] == "syntax-error"


def test_monstrous_sources_do_not_end_the_kernel():
    assert found("(" * 5000)[-1][0] == "syntax-error"
    assert found("x = " + "-" * 50_000 + "1")
    assert found("\ud800")[0][0] == "syntax-error"
