def init():
    global ready
    ready = True


def run(body):
    return [ready, body]
