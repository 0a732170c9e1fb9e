"""What every compute target promises, as tests against the real thing.

A target's own test module derives a class from `TargetContract` and gives a fixture ``kit``, a
`ServiceKit` on that target that deletes its services at the end.
"""

# ruff: noqa: S101, PLR2004, D102 - a test suite; the names of the tests tell

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import pytest

from mlmagic.entities import CellOrigin, Reason, ServiceState
from mlmagic.errors import DeploymentFailedError, ServiceNotFoundError, ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.services import Webservice
    from mlmagic.testing.kit import ServiceKit

SECONDS = 300.0  # ends what hangs; a busy machine takes two minutes for an image
_BROKEN_INIT = """
    def init():
        raise ValueError("no such model")

    def run(raw_data):
        return raw_data
"""


def says(word: str) -> str:
    """Return a script that answers one word and who answered."""
    return f"""
        import os, time

        def init():
            pass

        def run(raw_data):
            time.sleep(0.01)
            return {word!r}
    """


class TargetContract:
    """The promises of a target."""

    def test_a_service_becomes_healthy_answers_and_is_deleted(self, kit: ServiceKit) -> None:
        service = kit.services.submit(kit.spec(sample=b'{"data": [1]}'))
        lines: list[str] = []
        service.wait_for_deployment(timeout_sec=SECONDS, on_event=lines.append)
        assert service.outcome == "created"
        assert lines[-1] == "svc  Healthy  It answers."
        status = service.status
        assert (status.state, status.reason) == (ServiceState.HEALTHY, Reason.READY)
        assert status.replicas_ready == status.replicas_wanted == 1
        assert service.run({"a": [1, None]}) == {"a": [1, None]}
        # Another handle sees the same.
        assert kit.services.get("svc").run("5") == 5
        assert [service.name for service in kit.services.list()] == ["svc"]
        service.delete()
        assert service.state is ServiceState.DELETED
        assert kit.services.names() == []
        with pytest.raises(ServiceNotFoundError):
            kit.services.get("svc")
        # The name is free again, and a service that is still coming can be deleted.
        again = kit.services.submit(kit.spec())
        assert again.outcome == "created"
        again.delete()
        assert kit.services.names() == []

    def test_the_layout_is_that_of_azure_ml(self, kit: ServiceKit) -> None:
        script = """
            import os

            def init():
                pass

            def run(raw_data):
                root = os.environ["AZUREML_MODEL_DIR"]
                return {
                    "root": root,
                    "models": {
                        os.path.relpath(os.path.join(folder, file)): open(
                            os.path.join(folder, file)
                        ).read()
                        for folder, _, files in os.walk(root) if "/." not in folder
                        for file in files
                    },
                    "script": os.environ["AZUREML_ENTRY_SCRIPT"],
                    "source": os.environ["AZUREML_SOURCE_DIRECTORY"],
                    "app": os.path.samefile(os.environ["AML_APP_ROOT"], os.getcwd()),
                    "greeting": os.environ["GREETING"],
                }
        """
        spec = kit.spec(
            script,
            models={"iris:3": b"iris", "wine:1": b"wine"},
            source_directory="src",
            variables={"GREETING": "hello"},
        )
        assert kit.services.submit(spec).run("") == {
            "root": "azureml-models",
            "models": {
                "azureml-models/iris/3/model.bin": "iris",
                "azureml-models/wine/1/model.bin": "wine",
            },
            "script": "src/score.py",
            "source": "src",
            "app": True,
            "greeting": "hello",
        }

    def test_one_model_is_named_by_its_version_folder(self, kit: ServiceKit) -> None:
        script = """
            import os

            def init():
                pass

            def run(raw_data):
                return os.environ["AZUREML_MODEL_DIR"]
        """
        spec = kit.spec(script, models={"iris:3": b"iris"})
        assert kit.services.submit(spec).run("") == "azureml-models/iris/3"

    def test_secrets_are_files_and_outlive_an_update(self, kit: ServiceKit) -> None:
        script = """
            from mlmagic.scoring import read_secret

            def init():
                pass

            def run(raw_data):
                return read_secret("token")
        """
        digest = hashlib.sha256(b"xyz").hexdigest()
        spec = kit.spec(script, secrets={"token": digest})
        service = kit.services.submit(spec, secrets={"token": b"xyz"})
        assert service.run("") == "xyz"
        assert "xyz" not in repr(service) + str(service.snapshot())
        again = kit.spec(script, secrets={"token": digest}, variables={"A": "1"})
        assert kit.services.submit(again).run("") == "xyz"

    def test_a_failing_init_is_told_with_the_lines_of_the_cell(self, kit: ServiceKit) -> None:
        origin = CellOrigin(execution_count=4, first_line=2)
        service = kit.services.submit(kit.spec(_BROKEN_INIT), origin=origin)
        with pytest.raises(DeploymentFailedError) as caught:
            service.wait_for_deployment(timeout_sec=SECONDS)
        status = caught.value.status
        assert status is not None
        assert (status.state, status.reason) == (ServiceState.FAILED, Reason.INIT_FAILED)
        text = str(caught.value)
        assert "ValueError: no such model" in text
        assert "In [4], line 4, in init()" in text
        assert "The last log lines" in text
        assert "Traceback" not in text
        assert "Traceback" in service.get_logs()
        assert "%ml service logs svc --tail 50" in text
        assert service.state is ServiceState.FAILED

    def test_a_failing_import_is_told(self, kit: ServiceKit) -> None:
        service = kit.services.submit(kit.spec("import not_there"))
        with pytest.raises(DeploymentFailedError, match="not_there"):
            service.wait_for_deployment(timeout_sec=SECONDS)
        assert service.status.reason is Reason.SCRIPT_IMPORT

    def test_a_failing_sample_is_told(self, kit: ServiceKit) -> None:
        script = """
            def init():
                pass

            def run(raw_data):
                return 1 / 0
        """
        service = kit.services.submit(kit.spec(script, sample=b"[]"))
        with pytest.raises(DeploymentFailedError, match="ZeroDivisionError"):
            service.wait_for_deployment(timeout_sec=SECONDS)
        assert service.status.reason is Reason.SAMPLE_FAILED

    def test_an_update_loses_no_request(self, kit: ServiceKit) -> None:
        service = kit.services.submit(kit.spec(says("one")))
        service.wait_for_deployment(timeout_sec=SECONDS)
        with Load(service) as load:
            updated = kit.services.submit(kit.spec(says("two")))
            updated.wait_for_deployment(timeout_sec=SECONDS)
            updated.restart()
            updated.wait_for_deployment(timeout_sec=SECONDS)
            until(lambda: load.answers[-1:] == ["two"])
        assert load.errors == []
        assert set(load.answers) == {"one", "two"}
        assert updated.outcome == "updated"
        assert updated.status.generation == 2

    def test_a_failed_update_leaves_the_old_revision(self, kit: ServiceKit) -> None:
        service = kit.services.submit(kit.spec(says("one")))
        service.wait_for_deployment(timeout_sec=SECONDS)
        with Load(service) as load:
            updated = kit.services.submit(kit.spec(_BROKEN_INIT))
            with pytest.raises(DeploymentFailedError, match="Revision 1 still answers"):
                updated.wait_for_deployment(timeout_sec=SECONDS)
        assert load.errors == []
        assert set(load.answers) == {"one"}
        status = service.status
        assert (status.state, status.reason) == (ServiceState.HEALTHY, Reason.UPDATE_FAILED)
        assert "InitFailed" in status.message
        assert "  Normal  Deployed  revision/2  " in "\n".join(service.events())
        assert service.run("") == "one"
        service.stop()
        service.start()
        service.wait_for_deployment(timeout_sec=SECONDS)
        assert service.run("") == "one"

    def test_rollback_brings_an_earlier_revision_back(self, kit: ServiceKit) -> None:
        kit.services.submit(kit.spec(says("one"))).wait_for_deployment(timeout_sec=SECONDS)
        service = kit.services.submit(kit.spec(says("two")))
        service.wait_for_deployment(timeout_sec=SECONDS)
        service.rollback()
        assert service.run("") == "one"
        assert service.record.revision(3).note == "rollback to revision 1"
        service.rollback(to=2)
        assert service.run("") == "two"

    def test_the_same_again_does_nothing_but_start_what_is_stopped(self, kit: ServiceKit) -> None:
        service = kit.services.submit(kit.spec())
        service.wait_for_deployment(timeout_sec=SECONDS)
        before = service.record
        again = kit.services.submit(kit.spec())
        assert again.outcome == "unchanged"
        assert again.record == before
        address = service.internal_uri
        service.stop()
        status = service.status
        assert (status.state, status.reason) == (ServiceState.UNHEALTHY, Reason.STOPPED)
        assert status.next_step == "%ml service start svc"
        with pytest.raises(ServiceUnavailableError, match="stopped"):
            service.run([1])
        service.start()
        assert service.run([1]) == [1]  # it waits until the service is healthy
        assert service.internal_uri == address
        service.stop()
        again = kit.services.submit(kit.spec())
        assert again.outcome == "started"
        assert again.run([1]) == [1]

    def test_logs_hold_what_the_script_prints(self, kit: ServiceKit) -> None:
        script = """
            def init():
                print("loading the model")

            def run(raw_data):
                print(f"scoring {raw_data}")
        """
        service = kit.services.submit(kit.spec(script))
        service.run("17")
        until(lambda: "scoring 17" in service.get_logs())
        assert "loading the model" in service.get_logs()
        assert len(service.log_lines(2)) == 2
        follower = service.follow_logs(1, timeout=60)
        next(follower)
        service.run("18")
        assert any("scoring 18" in line for line in follower)

    def test_keys_change_without_a_restart(self, kit: ServiceKit) -> None:
        service = kit.services.submit(kit.spec())
        service.wait_for_deployment(timeout_sec=SECONDS)
        replicas = service.status.replicas
        primary, secondary = service.get_keys()
        assert primary != secondary
        service.regen_key("Primary")
        assert service.run([1]) == [1]
        service.regen_key("Secondary", set_key="my-own-key")
        assert service.get_keys()[0] != primary
        assert service.get_keys()[1] == "my-own-key"
        again = service.status.replicas
        assert [(r.name, r.started_at) for r in again] == [(r.name, r.started_at) for r in replicas]
        shown = f"{service!r} {service.snapshot()} {service._repr_mimebundle_()}"
        assert "my-own-key" not in shown


class Load:
    """Requests to a service, one after the other on several threads, until the end.

    Attributes:
        answers: What came back, in order.
        errors: What went wrong.
    """

    def __init__(self, service: Webservice, *, threads: int = 3) -> None:
        self.answers: list[Any] = []
        self.errors: list[Exception] = []
        self._service = service
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]

    def __enter__(self) -> Self:
        # Once a handle has seen the service Healthy, it asks without looking first.
        self._keys = self._service.get_keys()
        self._uri = self._service.internal_uri or ""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        from mlmagic.services.scoring_requests import decode, post

        while not self._end.is_set():
            try:
                answer = post(self._uri, b"[]", "application/json", key=self._keys[0], timeout=30)
                self.answers.append(decode(answer, self._service.name))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a lost request
                self.errors.append(error)


def until(condition: Callable[[], bool], *, seconds: float = SECONDS) -> None:
    """Wait for something that comes by itself."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
