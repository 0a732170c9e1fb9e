import os


def init():
    global texts
    root = os.getenv("AZUREML_MODEL_DIR")
    texts = []
    for name in ("first", "second"):
        (version,) = os.listdir(os.path.join(root, name))
        with open(os.path.join(root, name, version, name + ".txt")) as stream:
            texts.append(stream.read())


def run(data):
    return texts
