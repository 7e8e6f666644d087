"""`backfilld token`: who may come to the API and the pages, and as what."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from daemon.cli.invocation import Invocation, LimitOption, command
from daemon.cli.launch import ReasonOption
from daemon.cli.opening import ask
from daemon.cli.output import Column
from daemon.operations.fields import meaning_of
from daemon.operations.operation import Question
from daemon.operations.tokens import CreatingToken, RevokingToken, create_token, revoke_token, tokens

app = typer.Typer(
    name="token",
    help="Make, list and revoke tokens: who may come to the API and the pages, and as what.",
    no_args_is_help=True,
)


class RoleName(StrEnum):
    """What somebody may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


NameArgument = Annotated[str, typer.Argument(metavar="NAME", help=meaning_of(CreatingToken, "name"))]


@app.callback()
@command
def token(_invocation: Invocation) -> None:
    """Make, list and revoke tokens: who may come to the API and the pages, and as what."""


@command
def create(
    invocation: Invocation,
    name: NameArgument,
    *,
    role: Annotated[
        RoleName,
        typer.Option(
            "--role",
            metavar="ROLE",
            help=meaning_of(CreatingToken, "role"),
        ),
    ],
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires",
            metavar="TIME",
            help="How long it lasts: 90d, 12h, 30min. \\[default: until it is revoked]",
            show_default=False,
        ),
    ] = None,
    reason: ReasonOption = None,
) -> None:
    """Make a token. Its secret is shown once; the log has nothing but its hash.

    backfilld token create ci --role operator --expires 90d
    """
    asked = CreatingToken(name=name, role=role.value, expires=expires, reason=reason)
    made = ask(invocation, create_token, asked)

    def show(console: Console) -> None:
        until = "until it is revoked" if made.expires_at is None else f"until {time_text(made.expires_at)}"
        console.print(made.secret, soft_wrap=True, highlight=False)
        invocation.output.note(
            f"The token of {made.name}, {made.role}, {until}; it is not shown again. Programs send it "
            f"as `Authorization: Bearer TOKEN`, people paste it where the pages ask for it."
        )

    invocation.output.value(made, show)


@command
def list_(invocation: Invocation, *, limit: LimitOption = 0) -> None:
    """List the tokens, the newest of each name."""
    rows = ask(invocation, tokens, Question())
    shown = rows[:limit] if limit else rows
    empty = "No tokens: `backfilld token create NAME --role viewer` makes one."
    invocation.output.table(shown, TOKEN_COLUMNS, empty=empty, more=len(rows) - len(shown))


@command
def revoke(invocation: Invocation, name: NameArgument, *, reason: ReasonOption = None) -> None:
    """Revoke a token: from here on it opens nothing.

    backfilld token revoke ci --reason 'it was in a log'
    """
    ended = ask(invocation, revoke_token, RevokingToken(name=name, reason=reason))
    words = "is revoked" if ended.changed else "was revoked already"
    invocation.output.value(ended, lambda console: console.print(f"Token {name} {words}.", soft_wrap=True))


app.command("create")(create)
app.command("list")(list_)
app.command("revoke")(revoke)


def time_text(at: datetime | None) -> str:
    """A time to the minute; empty for none."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


TOKEN_COLUMNS = [
    Column("token", lambda row: row.name, style="bold"),
    Column("role", lambda row: row.role),
    Column("state", lambda row: row.state),
    Column("created", lambda row: f"{time_text(row.created_at)} by {row.created_by}"),
    Column("expires", lambda row: time_text(row.expires_at)),
    Column(
        "revoked", lambda row: f"{time_text(row.revoked_at)} by {row.revoked_by}" if row.revoked_at else ""
    ),
]
