"""A project of Azure ML v1, looked through and made a project of mlmagic next to it."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from mlmagic import Workspace
from mlmagic.azureml.importing import import_project
from mlmagic.azureml.importing.lines import commands
from mlmagic.azureml.importing.reading import UseReader
from mlmagic.errors import ConfigurationError
from mlmagic.presentation import present

CORPUS = Path(__file__).parent / "corpus"
COMMAND = Path(sys.executable).with_name("mlmagic")


def told(findings):
    """What is told, by place."""
    return {(each.place, each.what): each.text for each in findings}


def test_what_runs_unchanged_needs_no_decision():
    # Every script of the corpus runs as it is: that is what test_corpus shows.
    report = import_project(CORPUS)
    found = [each for each in report.decide if not each.file.startswith("cli/")]
    assert found == []
    assert {each.what for each in report.works} >= {"Model.delete", "Run.log", "AMLRequest"}
    assert told(report.mapped)["cluster.py:19", "ComputeTarget.attach"].startswith("The cluster")


def test_a_project_of_commands_is_told_with_its_places():
    report = import_project(CORPUS / "cli")
    kinds = {file.path: file.kind for file in report.files}
    assert kinds["azure-pipelines.yml"] == kinds[".github/workflows/deploy.yml"] == "pipeline"
    assert kinds["score.py"] == "entry script"
    mapped, decide = told(report.mapped), told(report.decide)
    for place, what in (
        ("deploy.sh:5", "az ml model register"),
        ("deploy.sh:6", "az ml model deploy"),
        ("deploy.sh:8", "az ml service run"),
        (".github/workflows/deploy.yml:7", "azure/login@v1"),
        (".github/workflows/deploy.yml:13", "az ml folder attach"),
        (".github/workflows/deploy.yml:16", "az ml service show"),
        ("azure-pipelines.yml:6", "az ml service update"),
        ("deploy.ipynb, cell 4:1", "az ml model register"),
        ("deploy.ipynb, cell 5:2", "az ml service list"),
        ("inferenceconfig.json:4", "inference configuration"),
        ("inferenceconfig.json:6", "inference configuration"),
        ("requirements.txt:2", "requirements"),
        ("aciconfig.yml:5", "deployment configuration"),
    ):
        assert mapped.pop((place, what)), (place, what)
    for place, what, text in (
        (".github/workflows/deploy.yml:9", "Azure/aml-registermodel@v1", "a step of its own"),
        (".github/workflows/deploy.yml:12", "az extension", "install mlmagic"),
        (".github/workflows/deploy.yml:14", "az ml model profile", "'--cpu' and '--memory'"),
        ("azure-pipelines.yml:3", "AzureCLI@2", "plain script step"),
        ("azure-pipelines.yml:5", "az ml model deploy", "'--vnet-name'"),
        ("aksconfig.json", "deployment configuration", "'vnetName' (line 4)"),
        ("deploy.ipynb, cell 2:1", "azureml-sdk", "Take it out"),
        ("deploy.ipynb, cell 3:2", "azureml.core.Workspace", "A service does not have it"),
        ("deploy.ipynb, cell 4:5", "Model.get_sas_urls", "download() copies them"),
        ("deploy.ipynb, cell 5:3", "az ml endpoint realtime", "services of their own"),
    ):
        assert text in decide.pop((place, what)), (place, what)
    assert decide == {}


@pytest.mark.parametrize(
    ("code", "verdict", "what"),
    [
        (
            "import azureml.core as c\nc.Workspace.models",
            "works",
            "Workspace.models",
        ),
        ("import azureml.core\nazureml.core.Dataset", "decide", "Dataset"),
        ("from azureml.pipeline.core import Pipeline", "decide", "azureml.pipeline.core.Pipeline"),
        ("from azureml.core.model import Modle", "decide", "azureml.core.model.Modle"),
        ("from azureml.core import Workspace as W\nW.setup()", "decide", "Workspace.setup"),
        ("def f(ws: Workspace):\n    ws.datastores\n", "decide", "Workspace.datastores"),
        ("def f():\n    ws.datastores\nws = Workspace()", "decide", "Workspace.datastores"),
        ("Workspace().models['m'].get_sas_urls()", "decide", "Model.get_sas_urls"),
        ("[m.get_sas_urls() for m in Model.list(w)]", "decide", "Model.get_sas_urls"),
        ("m = Model.deploy()\nm.reload()", "works", "LocalWebservice.reload"),
        ("ws = Workspace()\nws.frob()", "decide", "Workspace.frob"),
        ("Model(w).version", "works", "Model.version"),
        (
            "W = Workspace()\nfor _, m in W.models.items():\n m.get_sas_urls()",
            "decide",
            "Model.get_sas_urls",
        ),
        ("Experiment(w, 'e').workspace.datastores", "decide", "Workspace.datastores"),
        (
            "e = Workspace().environments['e']\ne.docker.enabled = 1",
            "works",
            "DockerSection.enabled",
        ),
        (
            "with Experiment(w, 'e').start_logging() as r:\n    r.get_secret('s')",
            "decide",
            "Run.get_secret",
        ),
    ],
)
def test_names_are_followed(code, verdict, what):
    names = "from azureml.core import Environment, Experiment, Model, Run, Workspace\n"
    reader = UseReader()
    reader.read(ast.parse(names))
    found = reader.read(ast.parse(code))
    assert (verdict, what) in {(use.judgement.verdict, use.judgement.what) for use in found}


def test_what_a_name_no_longer_means_is_not_judged():
    code = "from azureml.core import Workspace\nws = Workspace()\nws = {}\nws.datastores\n"
    code += "def f(ws):\n    ws.setup()\n"
    assert {use.judgement.what for use in UseReader().read(ast.parse(code))} == {"Workspace"}


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("az ml model deploy -n s --cc $(cores) --memory ${{ env.GB }} --tag $TAG", "mapped"),
        ("X=$(az ml service list --query '[].name' -o tsv) && echo $X", "mapped"),
        ("call az ml model show --model-id %ID%", "mapped"),
        ("az ml model deploy -n s `\n  --overwrite", "mapped"),
        ("V=`az ml model list --query '[0].version'`\necho $V", "mapped"),
        ("az ml model deploy -n s -f not-yet-there.json", "mapped"),
        ("az ml service run -n s -d @not-yet-there.json", "mapped"),
        ("az ml model deploy -n s --cc lots", "decide"),
        ("az ml online-endpoint create -f e.yml", "decide"),
        ("az ml model deploy -n 's", "decide"),
        ("az ml", "mapped"),
    ],
)
def test_lines_are_parsed_by_our_own_tables(line, verdict):
    found = [command.judgement.verdict for command in commands(line)]
    assert found == [verdict], list(commands(line))


def test_lines_that_a_script_calls_are_told_and_its_words_are_not(tmp_path):
    text = '"""See az ml nosuch."""\nimport azureml, os\nos.system("az ml model profile -n x")\n'
    (tmp_path / "run.py").write_text(text)
    (found,) = import_project(tmp_path).decide
    assert (found.place, found.what) == ("run.py:3", "az ml model profile")


@pytest.mark.parametrize(
    "code",
    [
        "# azureml: az ml model list\nx = 1",
        '"""Made for azureml; "az ml model list" shows models."""',
        "print('Run az ml model list')\nraise ValueError('az ml service show failed')",
        "parser.add_argument('--name', help='az ml model list')\nrun('see az ml in the manual')",
        "line.replace('az ml model', 'mlmagic model')\nlog.info('az ml model list')",
    ],
)
def test_a_script_that_only_tells_of_v1_is_none_of_v1(tmp_path, code):
    (tmp_path / "run.py").write_text(code)
    assert import_project(tmp_path).files == ()


CALLS = [
    ('subprocess.run(["az", "ml", "model", "list"], check=True)', "mapped", "az ml model list"),
    ("os.system(f'az ml service show -n {name}')", "mapped", "az ml service show"),
    ("sh(('az.cmd', 'ml', 'service', 'show', '-n', name))", "mapped", "az ml service show"),
    ("line = ['az', 'ml', 'model', 'profile', '-n', 'a b']", "decide", "az ml model profile"),
    (
        "line = ['az', 'ml', 'model', 'show', '-n', f'{x}-m']\nrun(line)",
        "mapped",
        "az ml model show",
    ),
    (
        "run(['cmd', '/c', 'az', 'ml', 'model', 'list', '--tag', 'a;b'])",
        "mapped",
        "az ml model list",
    ),
    (
        "run([\n    'az', 'ml', 'service', 'update', '--cc', 'lots'])",
        "decide",
        "az ml service update",
    ),
]


@pytest.mark.parametrize(("code", "verdict", "what"), CALLS)
def test_words_that_a_program_is_called_with_are_a_line(tmp_path, code, verdict, what):
    (tmp_path / "run.py").write_text(code)  # nothing else of it is of v1
    cell = {"cell_type": "code", "source": f"import azureml\n{code}"}
    document = {"cells": [cell], "nbformat": 4, "nbformat_minor": 2, "metadata": {}}
    (tmp_path / "n.ipynb").write_text(json.dumps(document))
    report = import_project(tmp_path)
    found = [(each.place, each.what) for each in getattr(report, verdict)]
    assert found == [("n.ipynb, cell 1:2", what), ("run.py:1", what)]


@pytest.mark.parametrize(
    "code", ["run(['az', 'ml', *rest])", "run(['az', 'login'])", "['echo', 'az ml nosuch']"]
)
def test_words_that_are_not_known_are_passed_over(tmp_path, code):
    (tmp_path / "run.py").write_text(f"import azureml\n{code}")
    assert import_project(tmp_path).decide == ()


def digests(folder):
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files_of(folder)}


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_documents_of_others_and_titles_are_no_configurations_and_no_lines(tmp_path):
    (tmp_path / "azure-pipelines.yml").write_text(
        "parameters:\n- name: compute_type\n  compute_type: aci\nsteps:\n"
        "- script: az ml model list\n  displayName: Install the az ml CLI\n"
    )
    (tmp_path / "template.json").write_text('{"$schema": "s", "resources": [{"computeType": 1}]}')
    (tmp_path / "conda.yml").write_text("dependencies:\n- python=3.6.2\n- pip\n")
    requirements = "azureml-core\nazureml-sdk==1.0\nscikit-learn\n"
    (tmp_path / "requirements.txt").write_text(requirements)
    report = import_project(tmp_path)
    assert report.decide == ()
    assert [(each.what, each.count) for each in report.mapped] == [
        ("az ml model list", 1), ("environment", 1), ("requirements", 2),
    ]  # fmt: skip


def test_a_notebook_is_given_a_kernel_that_is_everywhere_and_r_is_left_alone(tmp_path):
    cell = {"cell_type": "code", "source": "library(azuremlsdk)"}
    for language, kernel in (("python", "python36"), ("R", "ir")):
        spec = {"name": kernel, "language": language, "display_name": kernel}
        source = "import azureml" if language == "python" else "library(azureml)"
        cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": []}
        document = {"cells": [cell | {"execution_count": None}], "nbformat": 4, "nbformat_minor": 2}
        document["metadata"] = {"kernelspec": spec, "language_info": {"name": language}}
        if language == "R":  # as some editors leave it
            del spec["language"]
        (tmp_path / f"{language}.ipynb").write_text(json.dumps(document))
    report = import_project(tmp_path, write=tmp_path.with_name("new"))
    assert [(each.file, each.what) for each in report.decide] == [("R.ipynb", "notebook")]
    assert told(report.mapped)["python.ipynb", "kernel python36"]
    written = {
        path.stem: nbformat.read(path, 4) for path in (tmp_path.with_name("new")).glob("*.ipynb")
    }
    assert written["python"].metadata.kernelspec.name == "python3"
    assert written["R"].metadata.kernelspec.name == "ir"


def test_the_project_that_is_written_is_deployed(project, tmp_path):
    before = digests(project)
    new = tmp_path / "new"
    report = import_project(project / "cli", write=new)
    assert report.written == str(new)
    assert digests(project) == before
    assert "mlmagic model deploy -n ${NAME}-svc" in (new / "deploy.sh").read_text()
    assert "# az ml is not" in (new / "deploy.sh").read_text()
    pipeline = (new / "azure-pipelines.yml").read_text()
    assert "'az ml model deploy" in pipeline  # needs a decision first
    assert "bash: mlmagic service update" in pipeline
    assert "\n# azureml-sdk" in (new / "requirements.txt").read_text()
    notebook = nbformat.read(new / "deploy.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].source == "%load_ext mlmagic.azureml"
    assert notebook.cells[2].source.startswith("# !pip install azureml-sdk\n")
    assert notebook.cells[5].source.splitlines()[1:] == [
        "mlmagic service list", "az ml endpoint realtime list",
    ]  # fmt: skip
    assert "sh deploy.sh" in (new / "IMPORTED.md").read_text()
    workspace = Workspace(new)
    try:
        answer = subprocess.run(
            ["sh", "deploy.sh"], cwd=new, capture_output=True, text=True, check=False,
            env={**os.environ, "PATH": f"{COMMAND.parent}:{os.environ['PATH']}"},
        )  # fmt: skip
        log = (new / "deploy.log").read_text() if (new / "deploy.log").exists() else ""
        assert answer.returncode == 0, answer.stdout + answer.stderr + log
        assert json.loads((new / "answer.json").read_text()) == {
            "text": "by the imported project", "data": [1, 2], "greeting": "hello",
        }  # fmt: skip
    finally:
        for service in workspace.list_services():
            service.delete()


def test_a_notebook_comes_with_the_files_that_it_names(project, tmp_path):
    report = import_project(project / "cli" / "deploy.ipynb", write=tmp_path / "new")
    assert {file.path for file in report.files} == {"deploy.ipynb"}
    code = {"cell_type": "code", "source": "import azureml\nopen('source_dir/raw.py')\n'loose.txt'"}
    text = json.dumps({"cells": [code], "nbformat": 4, "nbformat_minor": 2, "metadata": {}})
    (project / "named.ipynb").write_text(text)
    report = import_project(project / "named.ipynb", write=tmp_path / "other")
    kinds = {file.path: file.kind for file in report.files}
    assert kinds == {
        ".azureml/config.json": "workspace configuration", "named.ipynb": "notebook",
        "source_dir/raw.py": "entry script",
    }  # fmt: skip
    assert not (tmp_path / "other" / "seed.py").exists()


@pytest.mark.parametrize("text", ["\u0447" * 128, "a/\ud800", "a\0b"])
def test_texts_that_no_file_can_be_called_are_passed_over(tmp_path, text):
    code = {"cell_type": "code", "source": f"import azureml\n{text!a}\n'kept.py'"}
    content = json.dumps({"cells": [code], "nbformat": 4, "nbformat_minor": 2, "metadata": {}})
    (tmp_path / "n.ipynb").write_text(content)
    (tmp_path / "kept.py").write_text("import azureml\n")
    report = import_project(tmp_path / "n.ipynb")
    assert {file.path for file in report.files} == {"n.ipynb", "kept.py"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("n.ipynb", b'{"cells": [\n {"azureml": 1,}]}', "is not JSON: .* (line 2, column 16)"),
        ("n.ipynb", b'{"azureml": []}', "is not a notebook of format 4"),
        ("ic.json", b'{"entryScript": "s.py"\n "a": 1}', "(line 2, column 2)"),
        ("ic.yml", b"entryScript: s.py\n  bad: : x\n", "(line 2, column"),
        ("ic.json", b'{"entryScript": "no.py"}', "The entry script 'no.py' does not exist."),
        ("ic.json", b'{"entryScript": "%s"}' % (b"s" * 300), "ss' does not exist."),
        (
            "ic.json",
            b'\xef\xbb\xbf{"entryScript": "no.py", "entyScript": 1}',
            "no key 'entyScript'",
        ),
        ("az.yml", b"run: az ml x\n bad: [\n", "It is not YAML"),
        ("s.py", b"import azureml\n\xff\xfe", "not UTF-8 text: byte 15"),
        ("s.py", b"import azureml\nprint 'x'\n", "This is not Python"),
        ("azureml_environment.json", b'{"name": 3', "is not JSON"),
        ("conda.yml", b"dependencies:\n- python=3.6\n- cudatoolkit=9.0\n", "'cudatoolkit'"),
        ("ic.yml", b"job:\n  entryScript: no.py\nrun: az ml job list\n", "Azure ML v2"),
        ("job.yml", b"$schema: https://azuremlschemas.net/x\n", "Azure ML v2"),
    ],
)
def test_files_that_are_wrong_are_told(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    report = import_project(tmp_path)
    texts = " ".join(each.text for each in report.decide)
    for part in said.split(" .* "):
        assert part in texts, texts
    if name.endswith(".ipynb"):  # named itself, it is an error
        with pytest.raises(ConfigurationError):
            import_project(tmp_path / name)


# What a cell or file holds, and what it holds in the new project.
BEFORE_AND_AFTER = [
    (
        "n.ipynb",
        "try:\n    import x\nexcept ImportError:\n    !pip install azureml-core",
        "try:\n    import x\nexcept ImportError:\n    pass  # !pip install azureml-core",
    ),
    ("n.ipynb", "!pip install -q azureml-sdk[automl]>=1,<2 pandas", "!pip install -q pandas"),
    ("n.ipynb", "%pip install pandas 'azureml-sdk >=1'", "%pip install pandas"),
    ("n.ipynb", "!pip install azureml-core -r r.txt", "!pip install -r r.txt"),
    ("n.ipynb", "pip install azureml-core x!=1", "pip install x!=1"),  # IPython's automagic
    (
        "n.ipynb",
        "!pip install -U \\\n  azureml-core \\\n  'a;python_version>\"3\"' \\\n  azureml-sdk\n1",
        "!pip install -U \\\n  'a;python_version>\"3\"'\n1",
    ),
    (
        "n.ipynb",
        "!pip install azureml-core \\\n  -i https://x.test -q\n1",
        "# !pip install azureml-core \\\n#   -i https://x.test -q\n1",
    ),
    (
        "n.ipynb",
        "  !cd x && pip install azureml-core && \\\n  az ml model list",
        "  !cd x && true && \\\n  mlmagic model list",
    ),
    ("n.ipynb", "%pip install azureml-core; az ml model list", "!true; mlmagic model list"),
    (
        "n.ipynb",
        "!if x; then {exe} -m pip install azureml-core || echo no; fi",
        "!if x; then true; fi",
    ),
    ("n.ipynb", "!pip install -r azureml-core.txt", None),
    ("n.ipynb", "1  # az ml\nprint('pip install azureml-core')", None),
    (
        "n.ipynb",
        "%%bash\nif true; then\n  pip install azureml-core\nfi",
        "%%bash\nif true; then\n  :  # pip install azureml-core\nfi",
    ),
    ("a.sh", "x && \\\n  az ml model list | cat\n", "x && \\\n  mlmagic model list | cat\n"),
    (
        "a.sh",
        "az \\\n  ml model list\naz ml model list",
        "mlmagic \\\n   model list\nmlmagic model list",
    ),
    ("a.sh", "# x \\\naz ml model list", "# x \\\nmlmagic model list"),
    ("a.sh", "az ml model list && \\\naz ml nosuch", None),
    (
        "a.yml",
        "run: |\n  x && \\\n  az ml model list\n",
        "run: |\n  x && \\\n  mlmagic model list\n",
    ),
    (
        "requirements.txt",
        "azureml-core==1 \\\n    --hash=sha256:0 \\\n    --hash=sha256:1\nnumpy",
        "# azureml-core==1 \\\n#     --hash=sha256:0 \\\n#     --hash=sha256:1\nnumpy",
    ),
]


@pytest.mark.parametrize(("name", "before", "after"), BEFORE_AND_AFTER)
def test_lines_are_changed_as_the_shell_reads_them(tmp_path, name, before, after):
    folder, new = tmp_path / "old", tmp_path / "new"
    folder.mkdir()
    document = {"cells": [], "nbformat": 4, "nbformat_minor": 2, "metadata": {}}
    if name.endswith(".ipynb"):
        document["cells"] = [{"cell_type": "code", "source": before}]
        before = json.dumps(document)
    (folder / name).write_text(before)
    import_project(folder, write=new)
    if name.endswith(".ipynb"):
        (cell,) = json.loads((new / name).read_text())["cells"]
        text = "".join(cell["source"])
        assert text == (after or document["cells"][0]["source"])
        if not text.startswith("pip "):
            ast.parse(TransformerManager().transform_cell(text))
    else:
        assert (new / name).read_text() == (after or before)


def test_nothing_is_written_over_or_in_place(project, tmp_path):
    (tmp_path / "there").mkdir()
    for target, said in (
        (tmp_path / "there", "exists"),
        (project / "new", "in the project itself"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            import_project(project, write=target)
    assert not (project / "new").exists()
    with pytest.raises(ConfigurationError, match="There is no folder or notebook 'nosuch'"):
        import_project("nosuch")
    with pytest.raises(ConfigurationError, match=r"'seed\.py' is not a notebook"):
        import_project("seed.py")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_it_is_told_as_json_and_as_html(project):
    line = [COMMAND, "import", "azureml", "cli", "-o", "json", "--query", "decide[].what"]
    answer = subprocess.run(line, cwd=project, capture_output=True, text=True, check=True)
    assert "az ml model profile" in json.loads(answer.stdout)
    (project / "<b>.py").write_text("from azureml.core import Dataset\n")
    shown = present(import_project(project))
    assert "&lt;b&gt;.py:1" in shown.html
    assert "<b>" not in shown.html
    assert "NEEDS A DECISION" in shown.text
    assert max(map(len, shown.text.splitlines())) <= 140
    empty = project / "empty"
    empty.mkdir()
    assert "no file of it uses it" in present(import_project(empty)).text
