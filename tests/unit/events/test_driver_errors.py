"""The driver's errors in our words."""

import pytest
from sqlalchemy import make_url

from events.driver import translated
from events.errors import LogUnavailableError


def test_where_the_database_is_goes_without_any_password() -> None:
    url = make_url("postgresql://ada:hidden@host:5432/name?password=hidden&sslmode=require")
    with pytest.raises(LogUnavailableError) as caught, translated(url):
        raise ConnectionRefusedError("nobody listens")
    assert caught.value.where == "postgresql://ada:***@host:5432/name"
    assert "hidden" not in str(caught.value)
