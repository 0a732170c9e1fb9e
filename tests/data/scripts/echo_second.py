"""The next revision of echo."""


def init():
    pass


def run(raw_data):
    return {"second": raw_data}
