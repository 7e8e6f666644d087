"""A process that uses a home's database until its input ends; its argument is the home."""

import sys
from pathlib import Path

from events.embedded import embedded_database

if __name__ == "__main__":
    with embedded_database(Path(sys.argv[1])) as url:
        print(url, flush=True)
        sys.stdin.read()
