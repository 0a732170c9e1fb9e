def init():
    pass


def run():
    return None
