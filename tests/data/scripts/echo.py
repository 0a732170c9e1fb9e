"""Returns what it got; words in the body make it do other things."""
import time


def init():
    pass


def run(raw_data):
    if raw_data.startswith("sleep "):
        time.sleep(float(raw_data.split()[1]))
    return {"got": raw_data}
