def run(raw_data):
    return None
