def init():
    print("printed in init")


def run(raw_data):
    print("printed in run")
    print("no line end", end="")
    return None
