import importlib.util

spec = importlib.util.spec_from_file_location("driven", "user_score.py")
driver_module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(driver_module)


def init():
    driver_module.init()


def run(raw_data, request_headers):
    return driver_module.run(raw_data)
