import json


class Own(Exception):
    pass


def init():
    pass


def run(data):
    if data == "own":
        raise Own("with 'quotes'")
    if data == "chain":
        try:
            {}["x"]
        except KeyError as error:
            raise RuntimeError("later") from error
    if data == "timeout":
        raise TimeoutError("the user's")
    if data == "recursion":
        return run(data)
    if data == "assert":
        assert False, "no"
    return json.loads(data)["data"][0]
