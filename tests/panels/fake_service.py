"""A service that is what it is told to be; the kernels of the browser tests import it too."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from mlmagic.errors import ServiceUnavailableError
from mlmagic.services import News
from mlmagic.services.scoring_requests import Answer

SAMPLE = (
    '{"data": [{"age": 0.038, "bmi": 0.0617, "bp": 0.0219}, '
    '{"age": -0.0019, "bmi": -0.0515, "bp": -0.0263}]}'
)
URI = "http://127.0.0.1:41873/score"
KEY = "fake-primary-key-9f3b1c6a2d84"
STAGES = [
    ("start", "Starting", "Its processes are starting.", "worker 1 starts (pid 4711)"),
    ("init", "Initialising", "init() is running.", "init() of score.py"),
    ("sample", "ScoringSample", "The sample is being scored.", "init() took 0.31 s"),
]
TRACEBACK = """\
Traceback (most recent call last):
  In [4], line 7, in init()
    model = load_model("diabetes")
  In [4], line 12, in load_weights()
    return weights[path.name]["coefficients"]
KeyError: 'ridge.skops'"""


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


class FakeService:
    """Stands for a ``Webservice``: same methods, no processes."""

    def __init__(self, name: str = "diabetes-svc") -> None:
        self.name = name
        self.threads: list[str] = []
        self.unwatched = 0
        self.record = SimpleNamespace(created_at=datetime.now(UTC))
        self._callbacks: list = []
        self._facts = {
            "name": name,
            "target": "local",
            "computeType": "local",
            "description": "",
            "tags": {},
            "properties": {},
            "createdTime": ago(3),
            "updatedTime": ago(0),
            "state": "Transitioning",
            "reason": "PreparingEnvironment",
            "message": "Its environment is being prepared: 9 packages.",
            "nextStep": "",
            "stage": "environment",
            "replicasWanted": 1,
            "replicas": [],
            "scoringUri": None,
            "internalUri": None,
            "swaggerUri": None,
            "addressKind": "",
            "auth": "key",
            "generation": 0,
            "revisions": [{"generation": 1, "createdAt": ago(3), "note": "", "current": True}],
            "models": ["diabetes:1"],
            "traceback": "",
            "sample": {"mediaType": "application/json", "text": SAMPLE},
            "commands": ["%ml service logs diabetes-svc --tail 20"],
            "updatedAt": ago(0),
        }

    def snapshot(self) -> dict:
        return dict(self._facts)

    def ask(self, body: bytes, media_type: str, *, timeout: float) -> Answer:
        self.threads.append(threading.current_thread().name)
        time.sleep(0.05)
        if b"gone" in body:
            raise ServiceUnavailableError("Service 'diabetes-svc' is Failed.")
        if b"bad" in body:
            return Answer(400, "application/json", b'{"message": "no"}')
        return Answer(200, "application/json", b"[189.8, 82.5]", {"x-ms-run-duration": "2"})

    def input_schema(self) -> dict:
        return {}

    def get_keys(self) -> tuple[str, str]:
        return KEY, "fake-secondary-key"

    def watch(self, handle: FakeService, callback) -> object:
        """Stand for ``mlmagic.services.watcher.watch``."""
        assert handle is self
        self._callbacks.append(callback)

        def unwatch() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)
                self.unwatched += 1

        return unwatch

    def become(self, *log: str, **facts: object) -> None:
        """Change, and tell it from this thread as the watcher would."""
        self._facts |= facts | {"updatedAt": ago(0)}
        for callback in list(self._callbacks):
            callback(News(snapshot=self.snapshot(), lines=list(log)))

    def say(self, *log: str) -> None:
        self.become(*log)

    def go(self, stage: str, reason: str, message: str, *log: str) -> None:
        replica = {
            "name": "worker-1",
            "ready": stage == "ready",
            "stage": stage,
            "restarts": 0,
            "startedAt": ago(2),
            "memoryBytes": 182_400_000,
        }
        state = "Healthy" if stage == "ready" else "Transitioning"
        replicas = [] if stage == "environment" else [replica]
        self.become(
            *log,
            stage=stage,
            reason=reason,
            message=message,
            state=state,
            replicas=replicas,
            scoringUri=URI if replicas else None,
            internalUri=URI if replicas else None,
        )

    def come_up(self) -> None:
        for stage, reason, message, line in STAGES:
            self.go(stage, reason, message, f"09:14:02 INFO  {line}")
        self.be_healthy()

    def be_healthy(self) -> None:
        self.go(
            "ready",
            "Ready",
            "It answers: the sample was scored in 2.1 ms.",
            "09:14:03 INFO  sample scored in 2.1 ms: [189.8, 82.5]",
            "09:14:03 INFO  ready on http://127.0.0.1:41873",
        )
        self.become(
            generation=1,
            commands=[
                'svc.run({"data": sample.to_dict("records")})',
                "%ml service logs diabetes-svc --tail 20",
                "%ml service delete diabetes-svc",
            ],
        )

    def fail(self) -> None:
        self.become(
            "09:14:02 INFO  init() of score.py",
            "09:14:02 ERROR init() raised KeyError: 'ridge.skops'",
            "Traceback (most recent call last):",
            '  File "score.py", line 6, in init',
            "KeyError: 'ridge.skops'",
            state="Failed",
            reason="InitFailed",
            stage="",
            message="init() raised KeyError: 'ridge.skops'.",
            nextStep="Mend the script in In [4], run that cell, then deploy again.",
            traceback=TRACEBACK,
            replicas=[],
            scoringUri=None,
            internalUri=None,
            commands=["%ml service logs diabetes-svc", "%deploy diabetes-svc --script score.py"],
        )


def in_background(action, *args) -> threading.Thread:
    """Run something on a thread, as the watcher's news come."""
    thread = threading.Thread(target=action, args=args, daemon=True)
    thread.start()
    return thread
