def init():
    pass


def run(raw_data):
    return {"got": raw_data, "type": type(raw_data).__name__}
