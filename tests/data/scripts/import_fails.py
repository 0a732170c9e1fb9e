import no_such_module_anywhere


def init():
    pass


def run(raw_data):
    return None
