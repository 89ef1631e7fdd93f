"""Commands that show results."""


def add_commands(commands):
    pass
