def init(model):
    pass


def run(raw_data):
    return None
