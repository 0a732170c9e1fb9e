import sys


def init():
    print("x" * (5 << 20))
    sys.__stdout__.write("y" * 99 + "\n" * 1)
    for _ in range(50_000):
        sys.__stdout__.write("z" * 99 + "\n")


def run(raw_data):
    return "alive"
