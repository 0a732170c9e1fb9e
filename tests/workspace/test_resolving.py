"""What a request comes to, before anything is deployed."""

import subprocess
from pathlib import Path

import pytest

from mlmagic.errors import ConfigurationError
from mlmagic.options import build_parser, magic_verb, parse
from mlmagic.workspace.resolving import DeploymentRequest, resolve

ANSWER = """\
def init():
    pass

def run(raw_data):
    return {word!r}
"""


def write(path: str, text: str) -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_the_commit_is_told_where_git_has_the_sources_as_they_are(workspace):
    def git(*arguments):
        command = ["git", "-c", "user.name=me", "-c", "user.email=me@example.com", *arguments]
        said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        return said.stdout.strip()

    def spec(word="a"):
        write("project/score.py", ANSWER.format(word=word))
        request = DeploymentRequest(
            name="svc", script="project/score.py", source_directory="project"
        )
        return resolve(workspace, request, on_event=print).spec

    assert spec().commit == ""
    git("init", "-q")
    write(".gitignore", "*.log\n")
    write("project/helper.py", "")
    write("project/some.log", "noise")
    git("add", ".gitignore", "project/helper.py")
    git("commit", "-qm", "without the script")
    untracked = spec()
    assert untracked.commit == ""
    git("add", "project/score.py")
    git("commit", "-qm", "with it")
    kept = spec()
    assert kept.commit == git("rev-parse", "HEAD")
    assert kept.digest == untracked.digest  # where sources come from is no reason to deploy
    write("project/helper.py", "# changed")
    assert spec().commit == ""
    git("checkout", "-q", "project/helper.py")
    write("project/__pycache__/helper.cpython-311.pyc", "stays behind")
    assert spec().commit == kept.commit
    write("project/new/other.py", "# git does not have it")
    assert spec().commit == ""
    Path("project/new/other.py").unlink()
    assert spec("b").commit == ""


def test_a_dockerfile_on_the_line_is_deployed_by_its_lines(workspace):
    write("score.py", ANSWER.format(word="a"))
    write("base.Dockerfile", "RUN true\n")

    def config(line):
        options = magic_verb("%deploy").options
        given = parse(build_parser(options, prog="%deploy"), options, line.split())
        name = given.pop("name")
        request = DeploymentRequest(name=name, script="score.py", target="docker", config=given)
        return resolve(workspace, request, on_event=print).spec.config

    assert config("svc --base-dockerfile base.Dockerfile").base_dockerfile == "RUN true\n"
    both = config("svc --base-dockerfile base.Dockerfile --base-image debian:12")
    assert (both.base_image, both.base_dockerfile) == ("debian:12", "RUN true\n")
    with pytest.raises(ConfigurationError, match="no Dockerfile 'gone'"):
        config("svc --base-dockerfile gone")
