import no_such_package_here


def init():
    pass


def run(data):
    return 1
