"""Aggregates of long streams are kept in memory: what is loaded is the same as without, whatever happened between."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.application.application import LedgerApplication
from ledger.application.handling import Ledger
from ledger.application.keeping import Kept
from ledger.application.recorder import LedgerRecorder
from ledger.commands import (
    AddParameters,
    AddProperties,
    AddUser,
    ArchiveRun,
    ChangeStatus,
    Command,
    DescribeRun,
    DisableUser,
    IssueToken,
    RestoreRun,
    ResumeRun,
    RevokeToken,
    StartRun,
    TagRun,
    UntagRun,
    WarnRun,
)
from ledger.domain.aggregate import LedgerAggregate
from ledger.domain.run import Run
from ledger.errors import NotFoundError, RefusedError
from ledger.logs.sqlite import open_sqlite_log
from ledger.privacy.cipher import PLAIN, Cipher, KeyCipher
from ledger.privacy.folder import KeyFolder
from ledger.store.database import Database
from ledger.store.fold import Head
from schemas.roles import Role
from schemas.statuses import RunStatus
from schemas.streams import CONTROL, run_stream, user_stream
from tests.ledger.conftest import CALLER, now

RUN = run_stream("r1")
START = StartRun(run_id="r1", experiment="digits")
_KEYS = st.sampled_from("abc")
_COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(lambda key, value: TagRun(run_id="r1", tags={key: value}), _KEYS, _KEYS),
    st.builds(lambda key: UntagRun(run_id="r1", keys=[key]), _KEYS),
    st.builds(lambda key, value: AddProperties(run_id="r1", properties={key: value}), _KEYS, _KEYS),
    st.builds(lambda key, value: AddParameters(run_id="r1", parameters={key: value}), _KEYS, st.integers(0, 2)),
    st.builds(lambda text: DescribeRun(run_id="r1", changes={"description": text}), _KEYS),
    st.builds(lambda status: ChangeStatus(run_id="r1", status=status), st.sampled_from(RunStatus)),
    st.builds(lambda restart: ResumeRun(run_id="r1", origin={"restart": restart}), _KEYS),
    st.builds(lambda code: WarnRun(run_id="r1", source="s", code=code, message="m"), _KEYS),
    st.sampled_from([ArchiveRun(run_id="r1"), RestoreRun(run_id="r1")]),
    st.builds(lambda token: IssueToken(user="ada", token_id=token * 8, token_hash="0" * 64), _KEYS),
    st.builds(lambda token: RevokeToken(user="ada", token_id=token * 8), _KEYS),
    st.sampled_from([AddUser(user="ada", role=Role.VIEWER), DisableUser(user="ada")]),
)


@contextmanager
def recorder(cipher: Cipher = PLAIN) -> Iterator[LedgerRecorder]:
    with (
        TemporaryDirectory() as folder,
        closing(Database(Path(folder) / "ledger.db", durable=False, cipher=cipher)) as database,
    ):
        log = open_sqlite_log(database, CONTROL, source=CALLER.source, actor=CALLER.actor, now=now)
        yield LedgerRecorder(log, database)


def ledger_on(recorder: LedgerRecorder, application: LedgerApplication) -> Ledger:
    ledger = Ledger(recorder, now=now)
    ledger._application = application  # one that keeps from the first event on
    return ledger


def state_of(aggregate: LedgerAggregate) -> dict[str, Any]:
    """Every field, with the order of what it holds."""
    return {name: list(it.items()) if isinstance(it, dict) else it for name, it in vars(aggregate).items()}


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(st.booleans(), _COMMANDS), max_size=25))
def test_what_is_kept_is_what_the_events_say_after_commands_here_and_elsewhere(
    steps: Sequence[tuple[bool, Command]],
) -> None:
    with recorder() as on:
        here, elsewhere = (LedgerApplication(on, Kept(long=1)) for _ in range(2))
        ledgers = ledger_on(on, here), ledger_on(on, elsewhere)
        for second, command in [(False, START), *steps]:
            with suppress(RefusedError, NotFoundError):
                ledgers[second].handle(command, CALLER)
            for stream in (RUN, user_stream(on.log.id, "ada")):
                assert state_of(here.load(stream)) == state_of(LedgerApplication(on).load(stream))


def test_of_what_is_kept_only_news_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with recorder() as on:
        application = LedgerApplication(on, Kept(long=1))
        ledger = ledger_on(on, application)
        ledger.handle(START, CALLER)
        application.load(RUN)
        asked: list[int | None] = []
        select = on.select_events

        def noted(*of: Any, **how: Any) -> Any:
            asked.append(how["gt"])
            return select(*of, **how)

        monkeypatch.setattr(on, "select_events", noted)
        for value in "bcd":
            ledger.handle(TagRun(run_id="r1", tags={"a": value}), CALLER)
        assert asked == [1, 1, 2]


def test_deciding_on_what_was_loaded_does_not_change_what_is_kept() -> None:
    with recorder() as on:
        application = LedgerApplication(on, Kept(long=1))
        ledger_on(on, application).handle(START, CALLER)
        first = application.load(RUN)
        assert isinstance(first, Run)
        first.tags["a"] = "b"
        first.poison("it was used")
        second = application.load(RUN)
        assert isinstance(second, Run)
        assert second.tags == {}
        assert second is not application.load(RUN)


def test_another_history_under_the_same_name_is_read_anew() -> None:
    with recorder() as on, recorder() as other:
        kept = Kept(long=1)
        for where, tag in ((on, "here"), (other, "there")):
            Ledger(where, now=now).handle(START, CALLER)
            Ledger(where, now=now).handle(TagRun(run_id="r1", tags={tag: None}), CALLER)
        LedgerApplication(on, kept).load(RUN)
        same_length = LedgerApplication(other, kept).load(RUN)
        assert isinstance(same_length, Run)
        assert same_length.tags == {"there": None}

        LedgerApplication(on, kept).load(RUN)
        Ledger(other, now=now).handle(TagRun(run_id="r1", tags={"more": None}), CALLER)
        longer = LedgerApplication(other, kept).load(RUN)
        assert isinstance(longer, Run)
        assert longer.tags == {"there": None, "more": None}


def test_what_was_erased_is_gone_from_memory_too(tmp_path: Path) -> None:
    keys = KeyFolder(tmp_path / "keys")
    keys.prepare()
    cipher = KeyCipher(keys)
    with recorder(cipher) as on:
        cipher.serve(on.log.id, lambda: keys.id)
        application = LedgerApplication(on, Kept(long=1))
        ledger_on(on, application).handle(START, CALLER)
        ledger_on(on, application).handle(TagRun(run_id="r1", tags={"who": "Ada"}), CALLER)
        before = application.load(RUN)
        assert isinstance(before, Run)
        assert before.tags == {"who": "Ada"}
        for subject in list(keys.subjects()):
            keys.destroy(subject)
        after = application.load(RUN)
        assert isinstance(after, Run)
        assert "Ada" not in str(after.tags)


def test_short_streams_are_not_kept_and_of_long_ones_those_used_last_within_the_bound() -> None:
    kept = Kept(long=3, most=10)
    for name, version in (("short", 2), ("a", 4), ("b", 4), ("endless", 11)):
        kept.put(_aggregate(name, version))
    assert kept.get("run:a", Head(4, b"")) is not None
    kept.put(_aggregate("c", 5))
    held = [name for name in ("short", "a", "b", "c", "endless") if kept.get(f"run:{name}", Head(99, b""))]
    assert held == ["a", "c"]


def test_a_stream_that_ends_before_what_was_kept_is_not_believed() -> None:
    kept = Kept(long=1)
    for head in (None, Head(3, b"")):
        kept.put(_aggregate("a", 4))
        assert kept.get("run:a", head) is None


def _aggregate(name: str, version: int) -> LedgerAggregate:
    aggregate = LedgerAggregate.blank(f"run:{name}")
    aggregate.version = version
    return aggregate
