"""The whole daemon in a world that is made up: `python -m tests.simulation FIRST:LAST`."""
