import json


def init():
    load("not json")


def load(text):
    return json.loads(text)


def run(raw_data):
    return None
