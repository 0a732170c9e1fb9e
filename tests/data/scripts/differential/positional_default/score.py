def init():
    pass


def run(data, threshold=0.5, *, verbose=False):
    return [data, threshold, verbose]
