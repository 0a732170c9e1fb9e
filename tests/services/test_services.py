"""What services promise beyond their target."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from mlmagic.entities import Reason, ServiceState
from mlmagic.errors import (
    ConfigurationError,
    DamagedRecordError,
    DeploymentTimeoutError,
    ModelIntegrityError,
    ScoringError,
    ServiceError,
    ServiceExistsError,
    ServiceNotFoundError,
    TargetNotFoundError,
    UsageError,
)
from mlmagic.services import News, Traffic, watch
from mlmagic.services.watcher import LINES
from mlmagic.targets import LocalTarget
from mlmagic.testing import ServiceKit
from mlmagic.testing.contract import SECONDS, says, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.entities import Lock
    from mlmagic.environments import Environments

SLOW_INIT = "import time\n\ndef init():\n    time.sleep(60)\n\ndef run(raw_data):\n    return 1\n"


class OtherTarget(LocalTarget):
    """The same place under another name."""

    name = "other"


@pytest.mark.parametrize("name", ["ab", "x" * 33, "Iris", "1st", "a_b", "iris-", "", "../up"])
def test_names_follow_the_rule(kit: ServiceKit, name: str) -> None:
    with pytest.raises(ConfigurationError, match="3 to 32 lower-case letters"):
        kit.services.submit(kit.spec(name=name))
    assert not kit.root.exists()


def test_unknown_names_are_told_with_the_nearest(kit: ServiceKit) -> None:
    kit.services.submit(kit.spec(name="iris-svc"))
    with pytest.raises(ServiceNotFoundError, match="Did you mean 'iris-svc'"):
        kit.services.get("irsi-svc")
    with pytest.raises(TargetNotFoundError, match="'local'"):
        kit.services.submit(kit.spec(target="lokal"))


def test_another_target_needs_overwrite(
    kit: ServiceKit, environments: Environments, lock: Lock
) -> None:
    targets = {
        kind.name: kind(kit.root, content=kit.content, environments=environments)
        for kind in (LocalTarget, OtherTarget)
    }
    both = ServiceKit(
        kit.root, content=kit.content, environments=environments, lock=lock, targets=targets
    )
    service = both.services.submit(both.spec())
    service.wait_for_deployment(timeout_sec=SECONDS)
    other = both.spec(says("other"), target="other")
    assert both.services.plan(other).action == "replace"
    with pytest.raises(ServiceExistsError, match=r"on target 'local'.*--overwrite"):
        both.services.submit(other)
    replaced = both.services.submit(other, overwrite=True)
    assert replaced.outcome == "replaced"
    assert replaced.run("") == "other"
    replaced.delete()


def test_missing_content_leaves_nothing(kit: ServiceKit) -> None:
    spec = kit.spec(models={"iris:1": b"iris"})
    path = kit.content.path(spec.models[0].files[0].sha256)
    path.unlink()
    with pytest.raises(ModelIntegrityError):
        kit.services.submit(spec)
    assert kit.services.names() == []
    service = kit.services.submit(kit.spec(says("one")))
    service.wait_for_deployment(timeout_sec=SECONDS)
    before = service.record
    with pytest.raises(ModelIntegrityError):
        kit.services.submit(spec)
    assert service.record.current == before.current
    assert service.status.reason is Reason.READY
    assert not (kit.root / "svc" / "revisions" / "2").exists()


def test_a_secret_without_value_is_refused(kit: ServiceKit) -> None:
    with pytest.raises(ConfigurationError, match="--secret token=FILE"):
        kit.services.submit(kit.spec(secrets={"token": "0" * 64}))
    assert kit.services.names() == []


def test_description_and_tags_change_in_place(kit: ServiceKit) -> None:
    from dataclasses import replace

    kit.services.submit(kit.spec()).wait_for_deployment(timeout_sec=SECONDS)
    service = kit.services.submit(replace(kit.spec(), description="new", tags={"a": "b"}))
    assert (service.outcome, service.record.current) == ("updated", 1)
    assert service.record.spec.description == "new"
    assert service.record.spec.tags == {"a": "b"}
    assert kit.services.submit(service.record.spec).outcome == "unchanged"


def test_what_is_in_use(kit: ServiceKit) -> None:
    kit.services.submit(kit.spec(models={"iris:1": b"iris"})).wait_for_deployment()
    assert kit.services.models_in_use() == {"iris:1": ["svc"]}
    assert kit.services.locks_in_use() == {kit.lock.identity}
    service = kit.services.submit(kit.spec(models={"iris:2": b"iris"}))
    service.wait_for_deployment()
    assert kit.services.models_in_use() == {"iris:2": ["svc"]}


def test_errors_of_the_script_carry_status_and_body(kit: ServiceKit) -> None:
    script = "def init():\n    pass\n\ndef run(raw_data):\n    raise KeyError('age')\n"
    service = kit.services.submit(kit.spec(script))
    with pytest.raises(ScoringError, match="%ml service logs svc") as caught:
        service.run({})
    assert caught.value.status == 500
    assert "age" in caught.value.body


def test_a_key_that_changes_under_the_handle(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec())
    for number in range(3):
        assert service.run(number) == number
        kit.services.get("svc").regen_key("primary")


@pytest.mark.parametrize(
    ("which", "key"), [("Third", None), ("Primary", "short"), ("Primary", "a b c d e f")]
)
def test_wrong_keys_are_refused(kit: ServiceKit, which: str, key: str | None) -> None:
    service = kit.services.submit(kit.spec())
    with pytest.raises(ConfigurationError):
        service.regen_key(which, key)


def test_without_keys(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec(auth="none"))
    assert service.run([1]) == [1]
    with pytest.raises(ServiceError, match="--auth key"):
        service.get_keys()


def test_waiting_has_an_end(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec(SLOW_INIT))
    lines: list[str] = []
    with pytest.raises(DeploymentTimeoutError, match=r"Transitioning.*The deployment goes on"):
        service.wait_for_deployment(timeout_sec=2, on_event=lines.append)
    assert "svc  Transitioning  init() is running." in lines
    assert service.state is ServiceState.TRANSITIONING


def test_ctrl_c_ends_the_waiting_only(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec(SLOW_INIT))
    lines: list[str] = []

    def interrupt(line: str) -> None:
        lines.append(line)
        if "init()" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        service.wait_for_deployment(on_event=interrupt)
    assert lines[-1] == "svc  no longer waited for; its deployment goes on."
    assert service.state is ServiceState.TRANSITIONING


def test_progress_can_be_printed(kit: ServiceKit, capsys: pytest.CaptureFixture[str]) -> None:
    kit.services.submit(kit.spec()).wait_for_deployment(show_output=True)
    assert capsys.readouterr().out.splitlines()[-1] == "svc  Healthy  It answers."


def test_the_sample_is_at_hand(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec(sample=b'{"data": [1]}'))
    assert service.run(service.sample_body) == {"data": [1]}
    snapshot = service.snapshot()
    assert snapshot["sample"] == {"mediaType": "application/json", "text": '{"data": [1]}'}
    without = kit.services.submit(kit.spec(name="without"))
    with pytest.raises(ServiceError, match="no sample"):
        _ = without.sample_body


def test_a_service_in_words_and_for_programs(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec(models={"iris:1": b"x"}))
    service.wait_for_deployment(timeout_sec=SECONDS)
    bundle = service._repr_mimebundle_()
    assert repr(service).startswith("svc  Healthy  It answers.")
    assert "iris:1" in bundle["text/html"]
    facts = bundle["application/vnd.mlmagic.service+json"]
    assert facts["state"] == "Healthy"
    assert facts["scoringUri"] == service.scoring_uri
    assert [replica["ready"] for replica in facts["replicas"]] == [True]
    assert facts["revisions"][0]["current"] is True
    service.delete()
    assert repr(service).startswith("svc  Deleted")
    assert service.scoring_uri is None


def test_the_address_for_a_browser_on_a_hub(
    kit: ServiceKit, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    service = kit.services.submit(kit.spec())
    service.wait_for_deployment(timeout_sec=SECONDS)
    internal = service.internal_uri or ""
    port = internal.split(":")[2].split("/")[0]
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ann/")
    assert service.scoring_uri == internal
    (tmp_path / "jupyter_server_proxy.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert service.scoring_uri == f"/user/ann/proxy/{port}/score"
    assert service.swagger_uri == f"/user/ann/proxy/{port}/swagger.json"
    monkeypatch.setenv("JUPYTERHUB_PUBLIC_URL", "https://hub.example.org/user/ann/")
    assert service.scoring_uri == f"https://hub.example.org/user/ann/proxy/{port}/score"
    assert service.internal_uri == internal
    assert service.run([1]) == [1]


def test_reload_and_update_go_through_the_workspace(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec(says("one")))
    service.wait_for_deployment(timeout_sec=SECONDS)
    with pytest.raises(ServiceError, match="workspace"):
        service.reload()
    with pytest.raises(ServiceError, match="workspace"):
        service.update(memory="1Gi")
    kit.services.reloader = lambda _: kit.services.submit(kit.spec(says("one")), note="reload")
    pids = [replica.pid for replica in service.status.replicas]
    service.reload()
    service.wait_for_deployment(timeout_sec=SECONDS)
    until(lambda: [replica.pid for replica in service.status.replicas] != pids)
    kit.services.reloader = lambda _: kit.services.submit(kit.spec(says("two")), note="reload")
    service.reload()
    assert service.run("") == "two"
    assert service.record.revisions[-1].note == "reload"


def test_watching_tells_changes_and_new_lines(kit: ServiceKit) -> None:
    script = 'def init():\n    pass\n\ndef run(raw_data):\n    print("got", raw_data)\n'
    service = kit.services.submit(kit.spec(script))
    told: list[tuple[str, list[str]]] = []
    others = set(threading.enumerate())  # panels that earlier tests of this process left open
    end = watch(service, lambda news: told.append((news.snapshot["state"], news.lines)))
    begun = set(threading.enumerate()) - others
    (watcher,) = [thread for thread in begun if thread.name == "mlmagic-watcher"]
    until(lambda: "Healthy" in [state for state, _ in told])
    service.run("17")
    until(lambda: any("got 17" in line for _, lines in told for line in lines))
    assert sum("got 17" in line for _, lines in told for line in lines) == 1
    service.delete()
    until(lambda: told[-1][0] == "Deleted")
    end()
    until(lambda: not watcher.is_alive())


def test_a_service_that_floods_its_log_is_told_of_in_bounded_pieces(kit: ServiceKit) -> None:
    script = """
def init():
    pass

def run(raw_data):
    for number in range(20_000):
        print("line", number)
    print("the end")
"""
    service = kit.services.submit(kit.spec(script))
    told: list[News] = []
    end = watch(service, told.append)
    until(lambda: any(news.snapshot["state"] == "Healthy" for news in told))
    before = len(told)
    service.run("17")
    until(lambda: any("the end" in line for news in told[before:] for line in news.lines))
    end()
    flood = told[before:]
    assert max(len(news.lines) for news in flood) <= LINES
    total = sum(len(news.lines) + news.dropped for news in flood)
    written = [line for line in service.log_lines(30_000) if "] line " in line]
    assert len(written) == 20_000
    assert total >= 20_000
    assert len(flood) < 200


def test_watching_tells_what_a_service_is_asked(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec())
    service.wait_for_deployment(timeout_sec=SECONDS)
    readings: list[Traffic] = []
    end = watch(service, lambda news: news.traffic and readings.append(news.traffic))
    until(lambda: readings)
    for _ in range(20):
        service.run([1])
    until(lambda: any(reading.rate for reading in readings))
    end()
    assert next(reading for reading in readings if reading.rate).p50 is not None
    assert not any("/metrics" in line for line in service.log_lines(500))


def test_one_bad_watcher_does_not_blind_the_others(
    kit: ServiceKit, caplog: pytest.LogCaptureFixture
) -> None:
    service = kit.services.submit(kit.spec())
    seen: list[str] = []

    def bad(*_: object) -> None:
        raise RuntimeError("broken")

    ends: list[Callable[[], None]] = [
        watch(service, bad),
        watch(service, lambda news: seen.append(news.snapshot["state"])),
    ]
    until(lambda: "Healthy" in seen)
    for end in ends:
        end()
    assert "broken" in caplog.text


def test_a_damaged_record_is_told_and_can_be_deleted(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec())
    service.wait_for_deployment(timeout_sec=SECONDS)
    pid = service.status.replicas[0].pid
    folder = kit.root / "svc"
    (folder / "record.json").write_text("{")
    status = kit.services.list()[0].status
    assert (status.state, status.reason) == (ServiceState.FAILED, Reason.CONFIGURATION)
    assert "damaged" in repr(service)
    assert kit.services.readable() == []
    for act in (
        lambda: kit.services.submit(kit.spec()),
        kit.services.models_in_use,
        kit.services.locks_in_use,
    ):
        with pytest.raises(DamagedRecordError, match="%ml service delete svc"):
            act()
    (folder / "process.json").write_text("{")
    service.delete()
    assert pid is not None
    assert not psutil.pid_exists(pid)
    assert not folder.exists()
    assert service.state is ServiceState.DELETED


def test_a_folder_of_our_name_among_the_users_files_is_left_alone(kit: ServiceKit) -> None:
    files = {"mlmagic/__init__.py": "raise RuntimeError('not for the server')"}
    service = kit.services.submit(kit.spec(says("one"), files=files))
    service.wait_for_deployment(timeout_sec=SECONDS)
    assert service.run("") == "one"


def test_data_without_a_json_form_is_refused(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec())
    with pytest.raises(UsageError, match="JSON"):
        service.run(object())


def test_a_read_only_workspace_is_told(kit: ServiceKit) -> None:
    kit.root.parent.mkdir(exist_ok=True)
    kit.root.write_text("a file where the folder should be")
    with pytest.raises(ServiceError, match="cannot be changed"):
        kit.services.submit(kit.spec())
    kit.root.unlink()


def test_restart_after_a_failed_update_runs_what_serves(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec(says("one")))
    service.wait_for_deployment(timeout_sec=SECONDS)
    kit.services.submit(kit.spec("import not_there"))
    until(lambda: service.status.reason is Reason.UPDATE_FAILED)
    service.restart()
    service.wait_for_deployment(timeout_sec=SECONDS)
    assert service.run("") == "one"


def test_a_plan_says_what_would_be_done(kit: ServiceKit) -> None:
    assert kit.services.plan(kit.spec()).action == "create"
    assert kit.services.names() == []
    service = kit.services.submit(kit.spec())
    service.wait_for_deployment(timeout_sec=SECONDS)
    assert kit.services.plan(kit.spec()).action == "nothing"
    plan = kit.services.plan(kit.spec(memory="1Gi"))
    assert (plan.action, [str(change) for change in plan.changes]) == (
        "update",
        ["config.memory: + 1Gi"],
    )
    service.stop()
    assert kit.services.plan(kit.spec()).action == "start"
    broken = kit.spec("import not_there")
    kit.services.submit(broken)
    until(lambda: service.state is ServiceState.FAILED)
    assert kit.services.plan(broken).action == "retry"
