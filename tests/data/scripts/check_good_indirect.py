import functools
import importlib

yaml = importlib.import_module("yaml")


def _load(name, *, strict):
    return name, strict


def timed(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


init = functools.partial(_load, "x", strict=True)


@timed
def run(*anything):
    return [a for a in anything for a in [a]]
