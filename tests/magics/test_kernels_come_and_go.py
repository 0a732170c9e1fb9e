"""Services outlive kernels, and two notebooks cannot corrupt one service."""

import signal
import time
from pathlib import Path

from mlmagic import ServiceState, Workspace

SCRIPT = """\
import time


def init():
    time.sleep({seconds})


def run(raw_data):
    return {word!r}
"""
DEPLOY = "svc = %deploy svc --script {file} --environment minimal"


def write(folder, file, *, word, seconds=0):
    (folder / file).write_text(SCRIPT.format(word=word, seconds=seconds))


def kill(kernel):
    """End a kernel as the system does when memory runs out."""
    kernel.manager.provisioner.process.send_signal(signal.SIGKILL)
    kernel.manager.provisioner.process.wait(20)


def test_a_service_outlives_its_kernel_and_the_next_kernel_finds_it(kernels, tmp_path):
    write(tmp_path, "score.py", word="first")
    first = kernels()
    first.run(DEPLOY.format(file="score.py"))
    assert first.text("svc.run('')") == "'first'"
    kill(first)
    second = kernels()
    assert "Healthy" in second.text("%ml service list")
    assert second.text("%ml service run svc -d ''") == "'first'"
    write(tmp_path, "score.py", word="second")
    second.run(DEPLOY.format(file="score.py"))
    second.run("svc.wait_for_deployment(timeout_sec=120)")
    assert second.text("svc.run('')") == "'second'"
    second.run("%ml service delete svc")
    assert Workspace(tmp_path).list_services() == []


def test_a_kernel_killed_while_it_waits_does_not_stop_the_deployment(kernels, tmp_path):
    write(tmp_path, "slow.py", word="slow", seconds=4)
    kernel = kernels()
    kernel.send(DEPLOY.format(file="slow.py") + " --wait")
    workspace = Workspace(tmp_path)
    until(lambda: workspace.exists and workspace.services.names() == ["svc"])
    until(lambda: workspace.show_service("svc").status.stage == "init")
    kill(kernel)
    service = workspace.show_service("svc")
    assert service.state is ServiceState.TRANSITIONING
    service.wait_for_deployment(timeout_sec=120)
    assert service.run("") == "slow"


def test_two_notebooks_that_deploy_one_service_at_once_leave_one_truth(kernels, tmp_path):
    write(tmp_path, "one.py", word="one")
    write(tmp_path, "two.py", word="two")
    pair = [kernels(), kernels()]
    cells = [
        kernel.send(DEPLOY.format(file=file))
        for kernel, file in zip(pair, ("one.py", "two.py"), strict=True)
    ]
    sent = [kernel.collect(cell) for kernel, cell in zip(pair, cells, strict=True)]
    errors = [content["ename"] for part in sent for kind, content in part if kind == "error"]
    assert set(errors) <= {"ServiceBusyError"}
    service = Workspace(tmp_path).show_service("svc")
    service.wait_for_deployment(timeout_sec=120)
    record = service.record
    current = record.revision(record.current)
    expected = Path(current.script_path).stem
    assert [service.run("") for _ in range(5)] == [expected] * 5
    assert len(record.revisions) == 2 - len(errors)


def until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
