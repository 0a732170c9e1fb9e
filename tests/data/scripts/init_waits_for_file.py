"""Becomes ready when the file named by WAIT_FOR exists."""
import os
import time


def init():
    while not os.path.exists(os.environ["WAIT_FOR"]):
        time.sleep(0.01)


def run(raw_data):
    return "ready"
