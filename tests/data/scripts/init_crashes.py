import ctypes


def read_model():
    ctypes.string_at(0)  # as readers written in C++ do with damaged files


def init():
    read_model()


def run(raw_data):
    return raw_data
