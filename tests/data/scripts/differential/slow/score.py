import time


def init():
    pass


def run(data):
    try:
        time.sleep(float(data))
    except ValueError:
        while True:
            pass
    return "in time"
