"""``python -m daemon.cli``: the command line, for an interpreter whose scripts are not on the path."""

from daemon.cli.app import main

main()
