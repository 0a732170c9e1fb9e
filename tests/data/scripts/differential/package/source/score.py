import json

from settings import SCALE
from tools import scaled
from tools.deep.names import NAME


def init():
    global extra
    with open("source/extra.json") as file:
        extra = json.load(file)


def run(data):
    return {"scaled": scaled(len(data), SCALE), "name": NAME, "extra": extra}
