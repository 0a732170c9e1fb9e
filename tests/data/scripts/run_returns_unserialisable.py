def init():
    pass


def run(raw_data):
    return {1, 2}
