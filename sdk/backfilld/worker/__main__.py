"""``python -m backfilld.worker``: what the daemon starts, once per code location."""

import argparse
import socket
from typing import Never

from backfilld.worker.zygote import Zygote


def main() -> Never:
    """Become the zygote of a code location until the daemon closes the control socket."""
    parser = argparse.ArgumentParser(prog="python -m backfilld.worker")
    parser.add_argument("--code", required=True, help="a Python file, or a module's name")
    parser.add_argument("--name", required=True, help="of the code location")
    parser.add_argument("--home", required=True, help="the daemon's home folder")
    parser.add_argument("--control-fd", required=True, type=int, help="an inherited, connected socket")
    options = parser.parse_args()
    control = socket.socket(fileno=options.control_fd)
    # Not for programs that user code starts.
    control.set_inheritable(False)
    Zygote(control, code=options.code, name=options.name, home=options.home).serve()


if __name__ == "__main__":
    main()
