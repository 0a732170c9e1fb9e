def init():
    raise MemoryError("no room for the model")


def run(raw_data):
    return None
