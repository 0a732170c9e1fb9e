import os
import shutil
from pathlib import Path

import pytest

from mlmagic.entities import ContentFile
from mlmagic.errors import ScriptError
from mlmagic.files import digest_file
from mlmagic.scripts import collect_sources, place_sources


class Folder:
    """A content store as small as can be."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()

    def add(self, path: Path, *, name: str) -> ContentFile:
        digest = digest_file(path)
        shutil.copyfile(path, self.root / digest)
        return ContentFile(path=name, sha256=digest, size=path.stat().st_size)

    def place(self, file: ContentFile, destination: Path, *, link: bool = True) -> None:
        assert not link
        shutil.copyfile(self.root / file.sha256, destination)


@pytest.fixture
def content(tmp_path):
    return Folder(tmp_path / "store")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "working_dir"
    for name in [
        "score.py", "data/words.json", ".git/config", ".mlmagic/x", ".venv/a", "__pycache__/a.pyc",
        ".ipynb_checkpoints/a", "work.ipynb", "env2/pyvenv.cfg", "env2/lib/a.py", "big.csv",
    ]:  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x = 1\n")
    return folder


def names(tree):
    return [file.path for file in tree.files]


def test_a_source_directory_travels_whole(folder, content):
    tree = collect_sources("score.py", folder, content)
    assert tree.name == "working_dir"
    assert tree.entry_script == "score.py"
    assert names(tree) == ["big.csv", "data/words.json", "score.py"]


def test_what_the_ignore_file_names_stays_behind(folder, content):
    (folder / ".mlmagicignore").write_text("# large\n*.csv\ndata/\n!work.ipynb\nscore.py\n")
    tree = collect_sources(folder / "score.py", folder, content)
    assert names(tree) == ["score.py", "work.ipynb"]


def test_saving_a_notebook_changes_nothing(folder, content):
    before = collect_sources("score.py", folder, content)
    (folder / "work.ipynb").write_text("other")
    assert collect_sources("score.py", folder, content) == before


def test_without_a_source_directory_the_imports_travel(tmp_path, content):
    (tmp_path / "score.py").write_text("import helpers\n")
    (tmp_path / "helpers.py").write_text("")
    (tmp_path / "stranger.py").write_text("")
    tree = collect_sources(tmp_path / "score.py", None, content)
    assert (tree.name, tree.entry_script) == (None, "score.py")
    assert names(tree) == ["helpers.py", "score.py"]


@pytest.mark.parametrize(
    "name", [".env", "conf/.env.local", "id_rsa", "tls.pem", "credentials.json", ".netrc"]
)
def test_secrets_are_refused_until_named(folder, content, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("s3cret")
    with pytest.raises(ScriptError, match=name):
        collect_sources("score.py", folder, content)
    assert name in names(collect_sources("score.py", folder, content, allow=[name]))
    (folder / ".mlmagicignore").write_text(f"!{name}\n")
    assert name in names(collect_sources("score.py", folder, content))
    (folder / ".mlmagicignore").write_text(f"{name}\n")
    assert name not in names(collect_sources("score.py", folder, content))


@pytest.mark.parametrize("name", [".env.example", "credentials.py", "keyboard.json", "id_rsa.pub"])
def test_harmless_names_travel(folder, content, name):
    (folder / name).write_text("")
    assert name in names(collect_sources("score.py", folder, content))


def test_links(folder, content, tmp_path):
    (folder / "inside.csv").symlink_to(folder / "big.csv")
    assert "inside.csv" in names(collect_sources("score.py", folder, content))
    (folder / "outside").symlink_to(tmp_path)
    with pytest.raises(ScriptError, match=r"lead out.*'outside'"):
        collect_sources("score.py", folder, content)
    (folder / ".mlmagicignore").write_text("outside\n")
    collect_sources("score.py", folder, content)


def test_what_is_no_file_is_refused(folder, content):
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to(folder)
    (folder / "nowhere").symlink_to(folder / "missing")
    with pytest.raises(ScriptError, match="'loop', 'nowhere', 'pipe'"):
        collect_sources("score.py", folder, content)


@pytest.mark.parametrize(
    ("script", "directory", "message"),
    [
        ("missing.py", "working_dir", "does not exist in"),
        ("../other.py", "working_dir", "outside the source directory"),
        ("score.py", "nowhere", "source directory '.*nowhere' does not exist"),
        ("missing.py", None, "'missing.py' does not exist"),
    ],
)
def test_bad_scripts_are_refused(folder, content, script, directory, message):
    (folder.parent / "other.py").write_text("")
    with pytest.raises(ScriptError, match=message):
        collect_sources(script, directory and folder.parent / directory, content)


def test_trees_are_laid_out_as_in_v1(folder, content, tmp_path):
    tree = collect_sources("score.py", folder, content)
    root = tmp_path / "app"
    assert place_sources(tree, content, root) == root / "working_dir" / "score.py"
    assert (root / "working_dir" / "data" / "words.json").is_file()
    alone = collect_sources(folder / "score.py", None, content)
    assert place_sources(alone, content, tmp_path / "app2") == tmp_path / "app2" / "score.py"


def test_a_tree_that_leads_outside_is_not_placed(folder, content, tmp_path):
    tree = collect_sources("score.py", folder, content)
    file = ContentFile(path="../x", sha256=tree.files[0].sha256, size=1)
    with pytest.raises(ScriptError, match="leads out"):
        place_sources(type(tree)(entry_script="x", files=(file,)), content, tmp_path / "app")
