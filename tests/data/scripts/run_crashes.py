import os
import signal


def init():
    pass


def run(raw_data):
    if raw_data == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    return os.getpid()
