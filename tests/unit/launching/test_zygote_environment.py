"""What the code that is run gets to know of the daemon's environment."""

from daemon.cli.place import TOKEN_VARIABLE
from daemon.cli.settings import DATABASE_VARIABLE
from daemon.launching.zygote import environment_of_code


def test_code_gets_neither_the_daemons_token_nor_its_database() -> None:
    ours = {"PATH": "/bin", TOKEN_VARIABLE: "bfd_x", DATABASE_VARIABLE: "postgresql://u:p@h/d", "MINE": "1"}
    assert environment_of_code(ours) == {"PATH": "/bin", "MINE": "1"}
