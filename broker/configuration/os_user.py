"""Who runs this process, as the operating system knows it: not what the environment claims."""

import os

_LONGEST = 64


def this_user() -> str:
    """The name of the effective user; its number where it has no name, as in many containers."""
    if os.name == "nt":
        return os.getlogin()[:_LONGEST]
    # Here and not above: the module does not exist for Windows.
    import pwd

    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name[:_LONGEST]
    except KeyError:
        return f"uid-{number}"
