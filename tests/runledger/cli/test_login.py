"""`runledger login` and `logout`, and which token is sent."""

import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runledger import Experiment, LedgerError, Workspace
from runledger.credentials import credentials_file, key_of, store_token, stored_tokens, token_of
from tests.runledger.cli.calling import SECONDS, Called, call
from tests.runledger.server.running import Server, running

URL = "http://ledger.example.org:5470"


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where credentials lie in these tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "runledger" / "credentials.json"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Server]]:
    folder = tmp_path_factory.mktemp("login")
    with running(folder) as server:
        yield folder, server


@pytest.fixture
def token(served: tuple[Path, Server]) -> str:
    text: str = call("token", "create", "ada", "-w", served[0]).json["token"]
    return text


def login(url: str, typed: str, monkeypatch: pytest.MonkeyPatch, *words: str) -> Called:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    return call("login", url, "--token-stdin", *words)


def test_a_stored_token_is_sent_to_its_server(
    served: tuple[Path, Server], token: str, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = served[1].url
    before = call("run", "list", "-w", url)
    done = login(url, f"{token}\n", monkeypatch)

    assert before.code == 4
    assert (done.code, done.json) == (0, {"url": url, "user": "ada", "role": "contributor"})
    assert token not in done.out + done.err
    assert str(config) in done.err
    assert call("run", "list", "-w", f"{url}/").code == 0
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert json.loads(config.read_text()) == {url: token}


def test_a_script_sends_it_too(served: tuple[Path, Server], token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = served[1].url
    with Workspace(url) as workspace, pytest.raises(LedgerError, match="runledger login"):
        Experiment(workspace, "e").start_logging(snapshot_directory=None)
    login(url, token, monkeypatch)
    with Workspace(url) as workspace:
        run = Experiment(workspace, "e").start_logging(snapshot_directory=None)
        run.complete()
        history = workspace.client.history(run.id)

    assert {entry.actor for entry in history} == {"ada"}


def test_logging_out_forgets_it(served: tuple[Path, Server], token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = served[1].url
    login(url, token, monkeypatch)
    done, again = call("logout", f"{url}/"), call("logout", url)

    assert (done.code, again.code) == (0, 3)
    assert "stays valid" in done.err
    assert call("run", "list", "-w", url).code == 4


@pytest.mark.parametrize("typed", ["", "\n", "rl_0123456789ab_wrong", "tökèn", "a\x00b"])
def test_a_token_that_the_server_does_not_take_is_not_stored(
    served: tuple[Path, Server], token: str, typed: str, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = login(served[1].url, typed, monkeypatch)

    assert token
    assert done.code == 4
    assert not config.exists()


def test_where_no_server_is_nothing_is_stored(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runledger.cli.login._SECONDS", 0.1)
    assert login("http://127.0.0.1:9", "rl_a_b", monkeypatch).code == 5
    assert login("folder", "rl_a_b", monkeypatch).code == 1
    assert login("http://", "rl_a_b", monkeypatch).code == 1
    assert not config.exists()


def test_without_a_terminal_the_way_for_scripts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("rl_a_b\n"))
    done = call("login", URL)

    assert done.code == 2
    assert "--token-stdin" in done.err


def test_a_terminal_is_asked_and_shows_nothing(served: tuple[Path, Server], token: str, config: Path) -> None:
    """Typed by a real terminal: what is typed must not come back."""
    program = (
        "import os, pty, sys, time\n"
        "pid, ours = pty.fork()\n"
        "if pid == 0:\n"
        "    os.execv(sys.executable, [sys.executable, '-m', 'runledger', 'login', sys.argv[1]])\n"
        "shown = b''\n"
        "while b'Token' not in shown:\n"
        "    shown += os.read(ours, 1000)\n"
        "time.sleep(0.5)\n"  # the prompt comes before the echo is off
        "os.write(ours, sys.argv[2].encode() + b'\\n')\n"
        "try:\n"
        "    while part := os.read(ours, 1000):\n"
        "        shown += part\n"
        "except OSError:\n"
        "    pass\n"
        "sys.stdout.buffer.write(shown)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, served[1].url, token],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert token not in done.stdout
    assert "knows you as ada" in done.stdout
    assert json.loads(config.read_text()) == {served[1].url: token}


def test_the_environment_comes_first_then_its_file_then_what_is_stored(tmp_path: Path, config: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-file\n")
    environment = {"XDG_CONFIG_HOME": os.environ["XDG_CONFIG_HOME"]}
    store_token(URL, "stored", environment)
    named = environment | {"RUNLEDGER_TOKEN_FILE": str(file)}

    assert config.is_file()
    assert token_of(URL, environment) == "stored"
    assert token_of(URL, named) == "from-file"
    assert token_of(URL, named | {"RUNLEDGER_TOKEN": " named\n"}) == "named"
    assert token_of("http://elsewhere:5470", environment) is None


def test_two_spellings_of_a_server_are_one() -> None:
    assert key_of("HTTP://Ledger.Example.org:5470/") == key_of(URL) != key_of(f"{URL}/other")


def test_a_token_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLEDGER_TOKEN_FILE", str(tmp_path / "missing"))
    done = call("run", "list", "-w", URL)
    (tmp_path / "missing").write_text("\n")
    empty = call("run", "list", "-w", URL)

    assert (done.code, empty.code) == (1, 1)
    assert "RUNLEDGER_TOKEN_FILE" in done.err
    assert "is empty" in empty.err


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_credentials_that_others_can_read_are_refused_with_the_cure(config: Path, mode: int) -> None:
    store_token(URL, "stored", os.environ)
    config.chmod(mode)
    for words in (("run", "list", "-w", URL), ("login", URL), ("logout", URL)):
        done = call(*words)
        assert done.code == 1
        assert f"chmod 600 {config}" in done.err


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}', "\xff"])
def test_credentials_that_are_none_are_named_and_left_alone(config: Path, content: str) -> None:
    config.parent.mkdir(parents=True)
    config.write_bytes(content.encode("latin-1"))
    config.chmod(0o600)
    done = call("logout", URL)

    assert done.code == 1
    assert str(config) in done.err
    assert config.read_bytes() == content.encode("latin-1")


def test_many_who_log_in_at_once_lose_nothing(config: Path) -> None:
    def store(number: int) -> None:
        store_token(f"http://host-{number}", f"token-{number}", os.environ)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(store, range(40)))

    assert len(stored_tokens(os.environ)) == 40
    assert [path.name for path in sorted(config.parent.iterdir())] == ["credentials.json", "credentials.lock"]


def test_credentials_lie_where_the_user_keeps_settings() -> None:
    assert credentials_file({"XDG_CONFIG_HOME": "/x"}) == Path("/x/runledger/credentials.json")
    assert credentials_file({}) == Path("~/.config/runledger/credentials.json").expanduser()


def test_a_variable_that_comes_first_is_named(
    served: tuple[Path, Server], token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLEDGER_TOKEN", "other")

    assert "RUNLEDGER_TOKEN is set" in login(served[1].url, token, monkeypatch).err


def test_who_types_a_token_over_an_open_line_is_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runledger.cli.login._SECONDS", 0.1)

    assert "not encrypted" in login("http://192.0.2.1:5470", "rl_a_b", monkeypatch).err
