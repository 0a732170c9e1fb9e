import sys


def init():
    sys.exit(0)


def run(raw_data):
    return None
