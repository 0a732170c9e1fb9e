import os


def init():
    global seen
    names = ("AZUREML_MODEL_DIR", "MY_SETTING", "SERVICE_NAME", "AZUREML_ENTRY_SCRIPT", "AML_APP_ROOT")
    seen = {name: os.environ.get(name) for name in names}
    seen["AML_APP_ROOT"] = os.path.basename(seen["AML_APP_ROOT"] or "")
    seen["AZUREML_ENTRY_SCRIPT"] = os.path.basename(seen["AZUREML_ENTRY_SCRIPT"] or "")
    seen["cwd"] = os.path.basename(os.getcwd())
    seen["calls"] = 0


def run(data):
    seen["calls"] += 1
    return seen
