def scaled(value, scale):
    return value * scale
