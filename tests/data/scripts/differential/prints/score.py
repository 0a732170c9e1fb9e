import sys


def init():
    print("printed in init")


def run(data):
    print("printed in run", data)
    print("no line end", end="")
    print("to stderr", file=sys.stderr)
    return len(data)
