import os


def init():
    global text
    with open(os.path.join(os.getenv("AZUREML_MODEL_DIR"), "loose.txt")) as stream:
        text = stream.read()


def run(data):
    return text
