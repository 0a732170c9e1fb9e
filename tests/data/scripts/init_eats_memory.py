import time

eaten = []


def init():
    while True:
        eaten.append(bytearray(b"x" * (16 << 20)))
        time.sleep(0.01)


def run(raw_data):
    return None
