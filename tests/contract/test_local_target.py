"""The local target keeps the contract, and its own promises about processes of this machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import pytest

from mlmagic.entities import ProcessIdentity, Reason, ServiceState
from mlmagic.errors import (
    DeploymentFailedError,
    ServiceUnavailableError,
    TargetUnavailableError,
)
from mlmagic.files import read_record, write_record
from mlmagic.targets import LocalTarget
from mlmagic.testing import ServiceKit, TargetContract
from mlmagic.testing.contract import SECONDS, says, until

if TYPE_CHECKING:
    from pathlib import Path

    from mlmagic.entities import Lock
    from mlmagic.environments import Environments
    from mlmagic.services import Webservice

CRASHING = """
    import os

    def init():
        pass

    def run(raw_data):
        if raw_data == "crash":
            os._exit(7)
        return os.getpid()
"""


class TestLocalTarget(TargetContract):
    """Every promise of a target, kept by processes of this machine."""


def supervisor_of(kit: ServiceKit) -> ProcessIdentity:
    return read_record(kit.root / "svc" / "process.json", ProcessIdentity)


def processes_of(kit: ServiceKit) -> list[psutil.Process]:
    supervisor = psutil.Process(supervisor_of(kit).pid)
    return [supervisor, *supervisor.children(recursive=True)]


def healthy(service: Webservice) -> bool:
    return service.state is ServiceState.HEALTHY


def fails(service: Webservice) -> DeploymentFailedError:
    with pytest.raises(DeploymentFailedError) as caught:
        service.wait_for_deployment(timeout_sec=SECONDS)
    return caught.value


def test_an_endless_init_is_ended(
    tmp_path: Path, kit: ServiceKit, environments: Environments, lock: Lock
) -> None:
    target = LocalTarget(
        kit.root, content=kit.content, environments=environments, start_timeout_seconds=2
    )
    hasty = ServiceKit(
        kit.root,
        content=kit.content,
        environments=environments,
        lock=lock,
        targets={"local": target},
    )
    script = "def init():\n    while True: pass\n\ndef run(raw_data):\n    return 1\n"
    fails(hasty.services.submit(hasty.spec(script)))
    assert kit.services.get("svc").status.reason is Reason.INIT_TIMEOUT


def test_a_script_that_eats_memory_is_ended(kit: ServiceKit) -> None:
    script = """
        def init():
            global held
            held = [bytes(10_000_000) + b"x" for _ in range(100)]

        def run(raw_data):
            return 1
    """
    error = fails(kit.services.submit(kit.spec(script, memory="200Mi")))
    assert error.status is not None
    assert error.status.reason is Reason.OUT_OF_MEMORY
    assert "--memory" in str(error)


def test_a_script_that_exits_is_told(kit: ServiceKit) -> None:
    script = "import sys\n\ndef init():\n    sys.exit(5)\n\ndef run(raw_data):\n    return 1\n"
    error = fails(kit.services.submit(kit.spec(script)))
    assert error.status is not None
    assert error.status.reason is Reason.EXITED


def test_a_worker_that_crashes_comes_back(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec(CRASHING))
    first = service.run("who")
    with pytest.raises(ServiceUnavailableError):
        service.run("crash")
    until(lambda: service.status.reason is Reason.CRASHED)
    status = service.status
    assert status.state is ServiceState.UNHEALTHY
    assert "exit code 7" in status.message
    until(lambda: healthy(service))
    assert service.run("who") != first
    assert service.status.replicas[0].restarts == 1
    told = [line.split("  ", 4)[1:] for line in service.events()]
    worker = f"worker/{first}"
    assert ["Normal", "Started", worker] in [line[:3] for line in told]
    message = "A worker ended with exit code 7 in the stage 'ready'."
    assert ["Warning", "Crashed", worker, message] in told


def test_a_killed_worker_comes_back(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec(CRASHING, workers=2))
    victim = service.run("who")
    assert service.status.replicas_ready == 2
    os.kill(victim, signal.SIGKILL)
    until(lambda: not healthy(service))
    until(lambda: healthy(service))
    assert victim not in [replica.pid for replica in service.status.replicas]


def test_a_killed_supervisor_is_told_and_start_mends_it(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec())
    service.wait_for_deployment(timeout_sec=SECONDS)
    address = service.internal_uri
    supervisor, *workers = processes_of(kit)
    os.kill(supervisor.pid, signal.SIGKILL)
    until(lambda: service.state is not ServiceState.HEALTHY)
    status = service.status
    assert (status.state, status.reason) == (ServiceState.FAILED, Reason.SUPERVISOR_GONE)
    assert status.next_step == "%ml service start svc"
    service.start()
    assert service.run([1]) == [1]
    assert service.internal_uri == address
    assert not any(worker.is_running() for worker in workers)
    assert "  Warning  Killed  supervisor  " in "\n".join(service.events())


def test_after_a_restart_of_the_machine(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec())
    service.wait_for_deployment(timeout_sec=SECONDS)
    before = supervisor_of(kit)
    kit.services.target(service.record).stop(service.record)
    write_record(kit.root / "svc" / "process.json", replace(before, boot_id="an earlier one"))
    status = service.status
    assert (status.state, status.reason) == (ServiceState.FAILED, Reason.HOST_RESTARTED)
    service.start()
    assert service.run([1]) == [1]


def test_a_later_process_with_the_same_number_is_another(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec())
    service.wait_for_deployment(timeout_sec=SECONDS)
    kit.services.target(service.record).stop(service.record)
    ours = psutil.Process()
    impostor = replace(supervisor_of(kit), pid=ours.pid, started=ours.create_time() - 60)
    write_record(kit.root / "svc" / "process.json", impostor)
    assert service.status.reason is Reason.SUPERVISOR_GONE
    service.delete()


def test_a_service_of_another_host_is_not_judged(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec())
    service.wait_for_deployment(timeout_sec=SECONDS)
    here = supervisor_of(kit)
    write_record(kit.root / "svc" / "process.json", replace(here, host="elsewhere"))
    status = service.status
    assert (status.state, status.reason) == (ServiceState.UNHEALTHY, Reason.NOT_ANSWERING)
    assert "'elsewhere'" in status.message
    write_record(kit.root / "svc" / "process.json", here)


def test_a_port_in_use_is_refused_before_anything_starts(kit: ServiceKit) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        with pytest.raises(TargetUnavailableError, match=rf"'{port}' is in use by process"):
            kit.services.submit(kit.spec(port=port))
        assert kit.services.names() == []
        assert kit.services.plan(kit.spec(port=port)).problem
    service = kit.services.submit(kit.spec(port=port))
    assert service.run([1]) == [1]
    assert service.internal_uri == f"http://127.0.0.1:{port}/score"
    with pytest.raises(TargetUnavailableError, match="service 'svc'"):
        kit.services.submit(kit.spec(name="other", port=port))


def test_a_new_port_takes_over(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec())
    service.wait_for_deployment(timeout_sec=SECONDS)
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    kit.services.submit(kit.spec(port=port)).wait_for_deployment(timeout_sec=SECONDS)
    assert service.internal_uri == f"http://127.0.0.1:{port}/score"
    assert service.run([1]) == [1]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"memory": "90000Gi"}, Reason.INSUFFICIENT_MEMORY),
        ({"cpu": "5000"}, Reason.INSUFFICIENT_CPU),
    ],
)
def test_what_the_machine_lacks_makes_it_unschedulable(
    kit: ServiceKit, asked: dict[str, str], reason: Reason
) -> None:
    service = kit.services.submit(kit.spec(**asked))
    status = service.status
    assert (status.state, status.reason) == (ServiceState.UNSCHEDULABLE, reason)
    assert "this machine has" in str(fails(service))
    with pytest.raises(ServiceUnavailableError, match="asked for"):
        service.start()
    assert kit.services.submit(kit.spec()).run([1]) == [1]
    kit.services.submit(kit.spec(**asked))
    assert service.status.reason is Reason.UPDATE_FAILED
    assert service.run([2]) == [2]


def test_files_with_secrets_are_the_users_alone(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec(variables={"PASSWORD": "open sesame"}))
    service.wait_for_deployment(timeout_sec=SECONDS)
    folder = kit.root / "svc"
    for file in (folder / "keys.json", folder / "state" / "desired.json"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    words = " ".join(word for process in processes_of(kit) for word in process.cmdline())
    assert "open sesame" not in words
    assert not set(service.get_keys()) & set(words.split())


def test_delete_leaves_no_process_and_no_folder(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec(workers=2))
    service.wait_for_deployment(timeout_sec=SECONDS)
    processes = processes_of(kit)
    assert len(processes) == 3
    service.delete()
    assert not any(process.is_running() for process in processes)
    assert not (kit.root / "svc").exists()


def test_an_interrupted_delete_is_finished_by_the_next_deployment(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec(says("one")))
    service.wait_for_deployment(timeout_sec=SECONDS)
    file = kit.root / "svc" / "record.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"wanted": "deleting"}))
    assert service.state is ServiceState.DELETING
    again = kit.services.submit(kit.spec(says("two")))
    assert again.outcome == "created"
    assert again.run("") == "two"


def test_a_service_cannot_change_the_store(kit: ServiceKit) -> None:
    script = """
        def init():
            with open("notes.txt", "a") as stream:
                stream.write("changed")

        def run(raw_data):
            return open("notes.txt").read()
    """
    spec = kit.spec(script, files={"notes.txt": "as it was; "})
    assert kit.services.submit(spec).run("") == "as it was; changed"
    notes = spec.source.files[1]
    assert kit.content.read_bytes(notes) == b"as it was; "


def test_quick_changes_end_with_the_last(kit: ServiceKit) -> None:
    for number in range(14):
        service = kit.services.submit(kit.spec(says(str(number))))
    assert service.run("") == "13"
    kept = [revision.generation for revision in service.record.revisions]
    assert kept[-10:] == list(range(5, 15))
    folders = sorted(int(path.name) for path in (kit.root / "svc" / "revisions").iterdir())
    assert folders == kept


def test_an_environment_that_cannot_be_made_is_told(kit: ServiceKit) -> None:
    broken = replace(kit.lock, identity="0" * 64, text="not-there @ file:///not/there.whl\n")
    error = fails(kit.services.submit(replace(kit.spec(), lock=broken)))
    assert error.status is not None
    assert error.status.reason is Reason.ENVIRONMENT_FAILED
    assert "Mend the requirements" in str(error)


def test_a_mended_script_can_follow_at_once(kit: ServiceKit) -> None:
    for word in ("one", "two"):
        fails(kit.services.submit(kit.spec("import not_there")))
        service = kit.services.submit(kit.spec(says(word)))
        assert service.run("") == word
        service.delete()
