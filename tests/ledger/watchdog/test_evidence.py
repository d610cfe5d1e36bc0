"""What is installed in the training process changes nothing in it."""

import json
from pathlib import Path

from ledger.watchdog.folder import DUMP, EXCEPTION, EXIT_CODE, EXITED, EvidenceFolder
from tests.ledger.watchdog.scenes import play


def _run(folder: Path, code: str, before: str = "") -> tuple[int, str]:
    """The exit status and the output of a script that leaves evidence and is not watched."""
    scene = play(folder, f"{before}\ninstalled = install(folder)\n{code}", watch=False)
    return scene.process.wait(30), scene.output()


def test_an_exception_is_printed_as_ever(tmp_path: Path) -> None:
    status, output = _run(tmp_path / "a", "1 / 0")

    assert status == 1
    assert output.startswith("Traceback (most recent call last):")
    assert output.endswith("ZeroDivisionError: division by zero\n")


def test_the_hook_that_was_there_is_called(tmp_path: Path) -> None:
    status, output = _run(tmp_path / "a", "1 / 0", "sys.excepthook = lambda kind, *it: print('seen', kind.__name__)")

    assert (status, output) == (1, "seen ZeroDivisionError\n")
    assert (EvidenceFolder(tmp_path / "a").read(EXCEPTION) or {})["type"] == "ZeroDivisionError"


def test_a_later_hook_that_calls_the_one_before_finds_ours(tmp_path: Path) -> None:
    code = "earlier = sys.excepthook\nsys.excepthook = lambda *it: (print('mine'), earlier(*it))\n1 / 0"
    _, output = _run(tmp_path / "a", code)

    assert output.startswith("mine\nTraceback")
    assert (tmp_path / "a" / EXCEPTION).exists()


def test_the_hook_works_where_nothing_can_be_written(tmp_path: Path) -> None:
    scene = play(tmp_path / "a", "install(folder / 'b')\n(folder / 'b').rename(folder / 'c')\n1 / 0", watch=False)
    output = scene.output()

    assert scene.process.wait() == 1
    assert output.startswith("Traceback (most recent call last):")
    assert output.endswith("ZeroDivisionError: division by zero\n")


def test_the_exit_record_comes_after_what_the_program_does_at_its_end(tmp_path: Path) -> None:
    code = f"import atexit; atexit.register(lambda: print((folder / '{EXITED}').exists()))"

    assert _run(tmp_path / "a", code) == (0, "False\n")
    assert json.loads((tmp_path / "a" / EXITED).read_text()) == {"exception": None}


def test_what_ended_a_cell_of_a_notebook_did_not_end_the_process(tmp_path: Path) -> None:
    left = "sys.last_value = sys.last_exc = ValueError('x')"
    _run(tmp_path / "script", left)
    _run(tmp_path / "notebook", f"sys.ps1 = 'In : '\n{left}")

    assert EvidenceFolder(tmp_path / "script").evidence().uncaught is not None
    assert EvidenceFolder(tmp_path / "notebook").evidence().uncaught is None


def test_long_words_are_cut(tmp_path: Path) -> None:
    _run(tmp_path / "a", "raise ValueError('x' * 1_000_000)")
    found = EvidenceFolder(tmp_path / "a").evidence().exception

    assert found is not None
    assert len(found.message) < 10_000
    assert found.traceback is not None
    assert len(found.traceback) < 100_000


def test_words_that_no_store_keeps_are_replaced(tmp_path: Path) -> None:
    _run(tmp_path / "a", "raise ValueError('\\udce9 \\x00 é')")
    found = EvidenceFolder(tmp_path / "a").evidence().exception

    assert found is not None
    assert found.message == "\ufffd \ufffd é"
    assert found.traceback is not None
    assert found.traceback.encode().endswith("\ufffd \ufffd é\n".encode())


def test_signals_keep_their_handlers(tmp_path: Path) -> None:
    code = """
print([signal.getsignal(it) == signal.SIG_DFL for it in (signal.SIGTERM, signal.SIGHUP)])
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, sys.exit.__module__)
"""

    assert _run(tmp_path / "a", code)[1] == "[True, True]\nTrue sys\n"


def test_a_stack_that_the_user_wants_elsewhere_goes_there(tmp_path: Path) -> None:
    before = "faulthandler.enable(); faulthandler.register(signal.SIGTERM, chain=True)"
    status, output = _run(tmp_path / "a", "os.kill(os.getpid(), signal.SIGTERM)", before)

    assert status == -15
    assert "most recent call first" in output
    assert (tmp_path / "a" / DUMP).read_bytes() == b""


def test_a_signal_waits_for_no_python(tmp_path: Path) -> None:
    """The main thread is in C code that no Python handler could interrupt."""
    scene = play(tmp_path / "a", "ready(); ctypes.PyDLL(None).sleep(60)")
    scene.signal_when_ready(15)

    assert scene.ending().signal == "SIGTERM"


def test_what_is_removed_is_gone(tmp_path: Path) -> None:
    code = f"""
hook = sys.excepthook
installed.remove()
assert sys.excepthook is sys.__excepthook__ is not hook and not faulthandler.is_enabled()
if os.fork() == 0: os.kill(os.getpid(), signal.SIGTERM)
assert os.wait()[1] == 15
hook(ValueError, ValueError("x"), None)
assert (folder / "{EXIT_CODE}").read_bytes() == (folder / "{DUMP}").read_bytes() == b""
sys.exit(3)
"""

    status, output = _run(tmp_path / "a", code)

    assert (status, output) == (3, "ValueError: x\n")
    assert EvidenceFolder(tmp_path / "a").evidence().exit_code is None
    assert not list((tmp_path / "a").glob("*.json"))


def test_descriptors_of_the_program_are_not_ours(tmp_path: Path) -> None:
    """It closes all it knows of, and opens files of its own; a child and its end write nothing there."""
    code = """
os.closerange(3, 256)
files = [os.open(folder / f"own{number}", os.O_WRONLY | os.O_CREAT) for number in range(100)]
sys.exit(3)
"""

    assert _run(tmp_path / "a", code)[0] == 3
    assert {path.stat().st_size for path in (tmp_path / "a").glob("own*")} == {0}
    assert EvidenceFolder(tmp_path / "a").evidence().exit_code == 3


def test_evidence_that_is_half_written_counts_as_none(tmp_path: Path) -> None:
    for name in (EXCEPTION, EXITED, "process.json"):
        (tmp_path / name).write_text('{"type": "Val')
    (tmp_path / EXIT_CODE).write_bytes(b"\1\0")
    (tmp_path / DUMP).write_bytes(b"\xff")
    found = EvidenceFolder(tmp_path).evidence()

    assert (found.exception, found.interpreter_exited, found.exit_code, found.parent) == (None, False, None, None)
    assert EvidenceFolder(tmp_path).ending() is None


def test_two_exit_codes_say_nothing(tmp_path: Path) -> None:
    """A copy of the process that C code made has written there as well."""
    code = "library = ctypes.CDLL(None)\nif library.fork() == 0: library.exit(5)\nos.wait()\nsys.exit(3)"
    _run(tmp_path / "a", code)

    assert len((tmp_path / "a" / EXIT_CODE).read_bytes()) == 8
    assert EvidenceFolder(tmp_path / "a").evidence().exit_code is None
