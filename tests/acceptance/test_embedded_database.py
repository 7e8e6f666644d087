"""The embedded database: one server per home, while somebody uses it, and no folder opened for it."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import anyio
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from events import pgprograms, pgserver
from events.embedded import data_folder, embedded_database, locate
from events.errors import EmbeddedDatabaseError
from events.pgserver import Server

ROOT = Path(__file__).parents[2]
IS_ROOT = os.geteuid() == 0


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that everybody may enter; what was put elsewhere for it is removed."""
    with tempfile.TemporaryDirectory(prefix="backfilld-test-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        yield home
        elsewhere = data_folder(home)
        if not elsewhere.is_relative_to(home):
            shutil.rmtree(elsewhere.parent, ignore_errors=True)


@contextmanager
def user_of(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that uses the home's database."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.acceptance.embedded_process", str(home)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline().startswith("postgresql+asyncpg://")
        yield process
        process.communicate()


async def asked(url: str, question: str) -> object:
    """The answer to a query."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        answer = (await connection.execute(text(question))).scalar_one()
    await engine.dispose()
    return answer


def test_looking_for_a_database_makes_nothing(home: Path) -> None:
    assert locate(home / "none").url is None
    assert list(home.iterdir()) == []


async def test_it_runs_while_it_is_used_and_keeps_what_it_was_given(home: Path) -> None:
    with embedded_database(home) as url:
        assert locate(home).url == url
        await asked(url, "SELECT 1 FROM pg_create_restore_point('here')")
        system = await asked(url, "SELECT system_identifier FROM pg_control_system()")
    assert locate(home).url is None
    with embedded_database(home) as url:
        assert await asked(url, "SELECT system_identifier FROM pg_control_system()") == system


async def test_it_is_durable_and_listens_on_no_address(home: Path) -> None:
    with embedded_database(home) as url:
        assert await asked(url, "SHOW fsync") == "on"
        assert await asked(url, "SHOW synchronous_commit") == "on"
        assert await asked(url, "SHOW full_page_writes") == "on"
        assert await asked(url, "SHOW listen_addresses") == ""
        socket_folder = anyio.Path(str(make_url(url).query["host"]))
        assert (await socket_folder.stat()).st_mode & 0o077 == 0


def test_processes_share_it_and_the_last_one_stops_it(home: Path) -> None:
    with user_of(home) as first:
        with user_of(home), embedded_database(home) as url:
            assert locate(home).url == url
            first.communicate()
            assert first.returncode == 0
            assert locate(home).url == url
        assert locate(home).url is None


def test_threads_of_one_process_share_it_too(home: Path) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(4) as threads:
        urls = list(threads.map(lambda _: stack.enter_context(embedded_database(home)), range(4)))
        assert len(set(urls)) == 1
        assert locate(home).url == urls[0]
    assert locate(home).url is None


def test_a_killed_process_does_not_count_as_a_user(home: Path) -> None:
    with user_of(home) as killed:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    assert locate(home).url is not None
    with embedded_database(home):
        pass
    assert locate(home).url is None


def test_a_killed_server_is_started_again(home: Path) -> None:
    with embedded_database(home):
        pid = int((data_folder(home) / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        while locate(home).url is not None:
            pass
        with embedded_database(home) as url:
            assert locate(home).url == url


def test_what_a_killed_initdb_left_is_made_anew(home: Path) -> None:
    half_made = home / "postgres.new"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    with embedded_database(home) as url:
        assert locate(home).url == url
    assert not half_made.exists()


@pytest.mark.parametrize("name", ["long" * 30, "odd, 'name' \"of\" it"])
def test_a_path_that_no_socket_can_have_is_no_hindrance(home: Path, name: str) -> None:
    with embedded_database(home / name) as url:
        socket_folder = Path(str(make_url(url).query["host"]))
        assert not socket_folder.is_relative_to(home)
        assert socket_folder.stat().st_mode & 0o077 == 0
        assert locate(home / name).url == url
    shutil.rmtree(socket_folder)


def test_a_failure_says_what_postgresql_said(home: Path) -> None:
    with embedded_database(home):
        pass
    (data_folder(home) / "postgresql.conf").write_text("no_such_setting = on\n")
    with pytest.raises(EmbeddedDatabaseError, match="no_such_setting"), embedded_database(home):
        pass


def test_data_of_another_major_version_is_refused(home: Path) -> None:
    data_folder(home).mkdir()
    (data_folder(home) / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedDatabaseError, match="PostgreSQL 9's"), embedded_database(home):
        pass


def test_a_private_home_stays_private(home: Path) -> None:
    home.chmod(0o700)
    private = home / "inside"
    with embedded_database(private) as url:
        assert locate(private).url == url
        folder = data_folder(private)
        assert folder.is_relative_to(home) == (not IS_ROOT), "root's server is another user, who cannot enter"
        if IS_ROOT:
            assert (private / "postgres.path").read_text() == f"{folder}\n"
    assert home.stat().st_mode & 0o777 == 0o700
    home.chmod(0o755)
    assert data_folder(private) == folder, "what was chosen once stays"
    shutil.rmtree(folder.parent)


def test_an_open_home_has_its_data_inside_and_closed(home: Path) -> None:
    with embedded_database(home):
        folder = data_folder(home)
        assert folder == home / "postgres"
        assert folder.stat().st_mode & 0o077 == 0
        owner = pwd.getpwuid(folder.stat().st_uid)
        assert owner.pw_name == "pgserver" if IS_ROOT else owner.pw_uid == os.geteuid()


def test_programs_in_a_private_folder_are_copied_for_root_and_the_folder_stays_private(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, programs = max(pgprograms.installed().items())
    package = programs.parents[1]
    private = home / "private"
    private.mkdir(mode=0o700)
    for source in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(source, private / source.name, symlinks=True)
    monkeypatch.setattr(
        pgprograms, "installed", lambda: {version: private / programs.relative_to(package.parent)}
    )
    monkeypatch.setattr(pgprograms, "COPIES", home / "copied")
    with embedded_database(home / "home") as url:
        assert locate(home / "home").url == url
    assert private.stat().st_mode & 0o777 == 0o700
    assert (home / "copied").exists() == IS_ROOT


def test_a_normal_user_runs_it_too_and_root_finds_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version, programs = max(pgprograms.installed().items())
    monkeypatch.setattr(pgprograms, "COPIES", home / "copied")
    copied = pgprograms.copied(programs)  # This checkout may be closed to other users.
    monkeypatch.setattr(pgprograms, "installed", lambda: {version: copied})
    nobody = pwd.getpwnam("nobody") if IS_ROOT else pwd.getpwuid(os.geteuid())
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    child = os.fork()
    if child == 0:
        use_as(nobody, home)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert data_folder(home) == home / "postgres"
    with embedded_database(home) as url:
        assert locate(home).url == url
    for path in (home / "postgres", home / "postgres" / "PG_VERSION", home / "postgres" / "server.log"):
        assert path.stat().st_uid == nobody.pw_uid


def use_as(user: pwd.struct_passwd, home: Path) -> NoReturn:
    """Uses the home's database as that user, and ends this process: with 0 if all was well."""
    exit_code = 1
    try:
        if IS_ROOT:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        with embedded_database(home) as url:
            assert locate(home).url == url
        assert locate(home).url is None
        exit_code = 0
    finally:
        if exit_code:
            traceback.print_exc()
        os._exit(exit_code)


def test_a_lock_that_somebody_keeps_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    held = pgserver.try_lock(tmp_path / "lock", shared=True)
    assert held is not None
    with (
        pytest.raises(EmbeddedDatabaseError, match="held"),
        pgserver.lock(tmp_path / "lock", timeout_s=0.05),
    ):
        pass
    pgserver.unlock(held)
    assert Server(tmp_path).url() is None
