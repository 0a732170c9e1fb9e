"""Several processes, and processes that are killed: the truth is kept."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from mlmagic.entities import Reason, ServiceState
from mlmagic.errors import ServiceBusyError
from mlmagic.files import write_record
from mlmagic.services import Services
from mlmagic.services.records import ServiceRecords
from mlmagic.testing import ECHO
from mlmagic.testing.contract import SECONDS, Load, says, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlmagic.environments import Environments
    from mlmagic.testing import ServiceKit

    Start = Callable[..., subprocess.Popen[str]]

_PROGRAM = Path(__file__).with_name("deploying_process.py")


@pytest.fixture
def start(tmp_path: Path, kit: ServiceKit, environments: Environments) -> Iterator[Start]:
    """Start processes that deploy the service 'svc'."""
    lock = tmp_path / "lock.json"
    write_record(lock, kit.lock)
    begun: list[subprocess.Popen[str]] = []

    def begin(*scripts: str, hang: str = "") -> subprocess.Popen[str]:
        arguments = tmp_path / f"arguments-{len(begun)}.json"
        content = {
            "root": str(kit.root),
            "content": str(kit.content.root),
            "cache": str(environments.cache),
            "lock": str(lock),
            "scripts": scripts,
            "hang": hang,
        }
        arguments.write_text(json.dumps(content))
        process = subprocess.Popen(
            [sys.executable, str(_PROGRAM), str(arguments)], stdout=subprocess.PIPE, text=True
        )
        begun.append(process)
        return process

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


def kill_in_the_middle(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "in the middle\n"
    process.kill()
    process.wait()


def supervisors(kit: ServiceKit) -> list[int]:
    state = str(kit.root / "svc" / "state")
    found = psutil.process_iter(["cmdline"])
    return [p.pid for p in found if (p.info["cmdline"] or [""])[-1] == state]


def test_a_service_outlives_its_deployer(kit: ServiceKit, start: Start) -> None:
    assert start(ECHO).wait() == 0
    service = kit.services.get("svc")
    assert service.run([1]) == [1]
    assert service.state is ServiceState.HEALTHY


def test_a_deployer_killed_before_the_target_acts(kit: ServiceKit, start: Start) -> None:
    process = start(ECHO, hang="before")
    assert process.stdout is not None
    process.stdout.readline()
    service = kit.services.get("svc")
    assert service.state is ServiceState.TRANSITIONING
    process.kill()
    process.wait()
    status = service.status
    assert (status.state, status.reason) == (ServiceState.FAILED, Reason.DEPLOY_INTERRUPTED)
    again = kit.services.submit(kit.spec())
    assert again.outcome == "updated"
    assert again.run([1]) == [1]


def test_a_deployer_killed_after_the_target_acted(kit: ServiceKit, start: Start) -> None:
    kill_in_the_middle(start(ECHO, hang="after"))
    service = kit.services.get("svc")
    service.wait_for_deployment(timeout_sec=SECONDS)
    assert service.run([1]) == [1]
    assert kit.services.submit(kit.spec()).outcome == "unchanged"


def test_an_updater_killed_leaves_the_old_revision(kit: ServiceKit, start: Start) -> None:
    service = kit.services.submit(kit.spec(says("one")))
    service.wait_for_deployment(timeout_sec=SECONDS)
    kill_in_the_middle(start(says("two"), hang="before"))
    status = service.status
    assert (status.state, status.reason) == (ServiceState.HEALTHY, Reason.UPDATE_FAILED)
    assert "DeployInterrupted" in status.message
    assert service.run("") == "one"
    assert kit.services.submit(kit.spec(says("two"))).run("") == "two"


def test_a_supervisor_whose_starter_could_not_write_it_down(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec())
    service.wait_for_deployment(timeout_sec=SECONDS)
    (kit.root / "svc" / "process.json").unlink()
    assert service.state is ServiceState.HEALTHY
    service.delete()
    assert supervisors(kit) == []


def test_two_processes_deploy_one_service(kit: ServiceKit, start: Start) -> None:
    service = kit.services.submit(kit.spec(says("first")))
    service.wait_for_deployment(timeout_sec=SECONDS)
    with Load(service) as load:
        ours = [says(f"a{number}") for number in range(4)]
        theirs = [says(f"b{number}") for number in range(4)]
        processes = [start(*ours), start(*theirs)]
        assert [process.wait() for process in processes] == [0, 0]
        service.wait_for_deployment(timeout_sec=SECONDS)
    assert load.errors == []
    record = service.record
    assert [revision.generation for revision in record.revisions] == list(range(1, 10))
    assert record.current == 9
    assert service.run("") in ("a3", "b3")
    assert len(supervisors(kit)) == 1


def test_whoever_waits_too_long_is_told(kit: ServiceKit, start: Start) -> None:
    process = start(ECHO, hang="before")
    assert process.stdout is not None
    process.stdout.readline()
    impatient = ServiceRecords(kit.root, lease_seconds=0.1)
    with (
        pytest.raises(ServiceBusyError, match=f"process {process.pid} on"),
        impatient.lease("svc"),
    ):
        pass
    process.kill()
    process.wait()
    with impatient.lease("svc"):
        pass


def test_a_writer_who_did_not_see_the_last_change_is_refused(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec())
    seen = service.record
    service.stop()
    with pytest.raises(ServiceBusyError):
        ServiceRecords(kit.root).change(seen, wanted="running")


def test_threads_of_one_process_wait_for_each_other(
    kit: ServiceKit, environments: Environments
) -> None:
    def submit(word: str) -> None:
        services = Services(kit.root, content=kit.content, environments=environments)
        services.submit(kit.spec(says(word)))

    threads = [threading.Thread(target=submit, args=(word,)) for word in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    service = kit.services.get("svc")
    assert service.run("") in "abcd"
    assert service.record.current == 4
    until(lambda: len(supervisors(kit)) == 1)
