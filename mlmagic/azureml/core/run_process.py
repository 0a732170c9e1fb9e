"""The process of a submitted script, which outlives the kernel that submitted it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.azureml.core.run_files import EXIT, RunFiles
from mlmagic.azureml.coverage import differs
from mlmagic.azureml.exceptions import ActivityFailedException
from mlmagic.entities import ProcessIdentity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FINAL = ("Completed", "Failed", "Canceled")
# Whatever ends the group, this shell waits for the script, and writes how it ended to the file $0.
_TELLS = 'trap : TERM INT; "$@"; code=$?; echo $code > "$0"; exit $code'
_KILLED = "The script is gone without an exit code: it was killed, or the machine restarted."
_LEFT = "The process that began the run ended without complete() or fail()."


def this_process() -> dict[str, Any]:
    """Return what a run remembers of the process that began it."""
    from mlmagic.targets.processes import identify

    return asdict(identify())


class RunProcess(RunFiles):
    """Status and end of a run.

    A submitted script's are those of its process. Another run ends where somebody says so; where
    the process that began it is gone, it has failed until then.
    """

    _outputs: Path | None
    _process: subprocess.Popen[bytes] | None = None

    @property
    def status(self) -> str:
        """``Running``, ``Completed``, ``Failed`` or ``Canceled``."""
        return str(self._settled()["status"])

    def get_status(self) -> str:
        """Return the status."""
        return self.status

    def get_detailed_status(self) -> dict[str, Any]:
        """Return the status with room for details, which there are none of."""
        return {"status": self.status, "details": {}}

    @differs("There are no data sets and no definition in it")
    def get_details(self) -> dict[str, Any]:
        """Return what is known of the run, under v1's keys."""
        record = self._settled()
        return {
            "runId": self.id,
            "target": "local",
            "status": record["status"],
            "startTimeUtc": record["startTimeUtc"],
            "endTimeUtc": record.get("endTimeUtc"),
            "properties": record["properties"],
            **({"error": record["error"]} if record.get("error") else {}),
            "logFiles": {name: str(self.folder / name) for name in self._logs()},
        }

    def get_details_with_logs(self) -> dict[str, Any]:
        """Return the details with the text of the logs."""
        texts = {name: (self.folder / name).read_text("utf-8", "replace") for name in self._logs()}
        return {**self.get_details(), "logFiles": texts}

    def cancel(self) -> None:
        """Stop it."""
        from mlmagic.targets.processes import is_alive

        process = self._read().get("process")
        if process and is_alive(ProcessIdentity(**process)):
            os.killpg(process["pid"], signal.SIGTERM)
        self._end("Canceled")

    @differs("The log is shown when the script has ended")
    def wait_for_completion(
        self,
        show_output: bool = False,
        wait_post_processing: bool = False,
        raise_on_error: bool = True,
    ) -> dict[str, Any]:
        """Wait until a submitted script has ended, and return the details.

        Raises:
            ActivityFailedException: It failed.
        """
        if show_output:
            print(f"RunId: {self.id}")
        if self._process is not None:
            self._process.wait()
        while self.status not in _FINAL:
            time.sleep(0.5)
        if show_output:
            print(self._log_text())
        if self.status == "Failed" and raise_on_error:
            error = self._settled().get("error") or {}
            raise ActivityFailedException(self._log_text()[-2000:] or error.get("message"))
        return self.get_details()

    def _submit(self, command: Sequence[str], source: Path, variables: Mapping[str, str]) -> None:
        """Start the script in a process of its own."""
        from mlmagic.targets.processes import identify

        logs = self.folder / "user_logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / "std_log.txt").open("wb") as stream:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _TELLS, str(self.folder / EXIT), *command],
                cwd=source,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = asdict(identify(self._process.pid))
        self._change(process=process, source=str(source.absolute()), begunBy=None)

    def _settled(self) -> dict[str, Any]:
        """Return the record as it is now that what ended is taken in."""
        from mlmagic.targets.processes import here, is_alive

        self._settle()
        record = self._read()
        if record["status"] == "Running" and record.get("begunBy"):
            process = ProcessIdentity(**record["begunBy"])
            if here(process) and not is_alive(process):  # another machine's cannot be known
                record |= {"status": "Failed", "error": {"code": None, "message": _LEFT}}
        return record

    def _settle(self) -> None:
        """Take in how a submitted script ended, with what it left in ``outputs``."""
        record = self._read()
        if not record.get("process"):
            return
        code = self._exit_code(ProcessIdentity(**record["process"]))
        if code is None:
            return
        if self._process is not None:
            self._process.wait()
        self._change(process=None)
        for folder in ("outputs", "logs"):
            left = Path(record["source"], folder)
            if left.is_dir():
                shutil.copytree(left, self.folder / folder, dirs_exist_ok=True)
        # As in v1 it is the script's exit that counts, not that it called `complete`.
        status = self._read()["status"]
        if status == "Running" or (code and status != "Canceled"):
            error = {"error": {"code": None, "message": _KILLED}} if code == "killed" else {}
            self._end("Failed" if code else "Completed", **error)

    def _exit_code(self, process: ProcessIdentity) -> int | str | None:
        """Return how a script ended; None while it runs, or where another machine knows."""
        from mlmagic.targets.processes import here, is_alive

        alive = is_alive(process) or not here(process)  # before the file is read: it comes first
        file = self.folder / EXIT
        if told := file.read_text().strip() if file.is_file() else "":
            return int(told)
        return None if alive else "killed"

    def _end(self, status: str, **more: Any) -> None:
        try:
            if self._outputs and self._outputs.is_dir() and self._read()["status"] not in _FINAL:
                self.upload_folder(self._outputs.name, str(self._outputs))
        finally:
            self._change(status=status, endTimeUtc=datetime.now(UTC).isoformat(), **more)
