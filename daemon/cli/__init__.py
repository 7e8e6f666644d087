"""The command line: what people and scripts say to backfilld, and how it answers."""

from daemon.cli.app import main

__all__ = ["main"]
