def compare_applied(*args):
    pass
