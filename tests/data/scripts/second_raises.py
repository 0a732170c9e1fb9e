"""One of two workers comes up and answers; then init() of the other one raises."""

import os
import tempfile
import time

MARK = f"{tempfile.gettempdir()}/mlmagic-second-raises-{os.getppid()}"


def init():
    try:
        os.close(os.open(MARK, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        os.unlink(MARK)
        time.sleep(1)
        raise RuntimeError("the second") from None


def run(raw_data):
    time.sleep(0.2)
    return {"second": raw_data}
