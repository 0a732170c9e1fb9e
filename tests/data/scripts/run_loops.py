def init():
    pass


def run(raw_data):
    while raw_data == "loop":
        pass
    return "done"
