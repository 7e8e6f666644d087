"""Debian's Chromium for the browser tests: found, or installed where that can be done.

``python -m tests.browser.chromium`` prints what pytest is to be called with: nothing where one is there.
Where it is missing and cannot be installed, the browser tests are left out and people are told; in CI that is
an error.
"""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")
LEFT_OUT = "--ignore=tests/browser"


def chromium() -> str | None:
    """The path of a browser that is installed; None if none is."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def installed() -> str | None:
    """The path of a browser, which is installed with apt where this user can."""
    found = chromium()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", *arguments], env=environment, stdout=sys.stderr, check=False)
        found = chromium()
    return found


def main() -> int:
    """What the process exits with."""
    if installed() is not None:
        return 0
    sys.stderr.write("There is no Chromium, and it could not be installed: apt-get install chromium.\n")
    if os.environ.get("CI"):
        return 1
    sys.stderr.write("The tests in a browser are left out.\n")
    sys.stdout.write(LEFT_OUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
