def init():
    pass


def run(data, request_headers):
    kept = ("Content-Type", "X-Mixed-Case", "X-Twice", "Content-Length", "Authorization")
    return {name: request_headers.get(name) for name in kept} | {"data": data}
