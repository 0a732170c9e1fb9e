import pytest

from mlmagic.entities import CellOrigin, Lock
from mlmagic.errors import ConfigurationError, ScriptError
from mlmagic.files import digest_file
from mlmagic.scripts import ScriptRecords, marker, render_traceback, write_script

CELL = CellOrigin(execution_count=4)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("# mlmagic: score_script score.py --model a\nimport x", "score.py --model a"),
        ("\n\n#mlmagic:score_script\nimport x", ""),
        ("  # mlmagic:  score_script  ", ""),
        ("  \n# mlmagic: score_script a.py", "a.py"),
        ("import x\n# mlmagic: score_script score.py", None),
        ("# mlmagic: score_scripts", None),
        ("", None),
    ],
)
def test_the_comment_that_marks_a_script(source, line):
    assert marker(source) == line


def test_scripts_are_written_once(tmp_path):
    path = tmp_path / "src" / "score.py"
    assert write_script(path, "x = 1")
    assert path.read_text() == "x = 1\n"
    assert not write_script(path, "x = 1\n")
    link = tmp_path / "link.py"
    link.symlink_to(path)
    assert write_script(link, "x = 2\n")
    assert link.is_symlink()
    assert path.read_text() == "x = 2\n"


@pytest.mark.parametrize(
    ("name", "source"), [("folder", "x"), ("a.py", "\ud800"), ("file/a.py", "")]
)
def test_what_cannot_be_written_is_refused(tmp_path, name, source):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(ScriptError):
        write_script(tmp_path / name, source)
    assert not (tmp_path / "a.py").exists()


def test_tracebacks_have_the_cells_lines():
    frames = [
        {"file": "work/score.py", "line": 1, "function": "<module>", "code": "import helpers"},
        {"file": "work/score.py", "line": 6, "function": "init", "code": "  model = load()"},
        {"file": "work/helpers.py", "line": 3, "function": "load", "code": "raise ValueError"},
        {"file": "/lib/json/x.py", "line": 9, "function": "<listcomp>", "code": None},
    ]
    assert render_traceback(frames, "ValueError: bad", script="score.py", origin=CELL) == (
        "In [4], line 2\n    import helpers\n"
        "In [4], line 7, in init()\n    model = load()\n"
        "work/helpers.py:3, in load()\n    raise ValueError\n"
        "/lib/json/x.py:9, in <listcomp>\n"
        "ValueError: bad"
    )
    assert render_traceback(frames[1:2], "E", script="work/score.py").startswith("work/score.py:6")


def test_the_place_of_a_syntax_error_is_the_cells():
    text = "SyntaxError: invalid syntax (score.py, line 3)"
    shown = render_traceback([], text, script="work/score.py", origin=CELL)
    assert shown == "SyntaxError: invalid syntax (In [4], line 4)"


def test_records_are_recalled_by_digest(tmp_path):
    script = tmp_path / "score.py"
    write_script(script, "x = 1")
    digest = digest_file(script)
    records = ScriptRecords(tmp_path / "scripts")
    assert records.recall(digest) is None
    lock = Lock(identity="5c1f02" * 8, text="a==1", python_version="3.11", platform="linux-x86_64")
    kept = records.remember(digest, lock=lock, models=["diabetes:1"], origin=CELL, environment="e")
    again = ScriptRecords(tmp_path / "scripts")
    assert again.recall(digest) == kept
    assert again.list() == [kept]
    (tmp_path / "scripts" / f"{digest}.json").write_text("{")
    with pytest.raises(ConfigurationError, match="damaged"):
        again.recall(digest)
    with pytest.raises(ValueError, match="digest"):
        again.recall("../x")
