"""A run in a Jupyter kernel ends with its kernel, and no sooner."""

import os
import signal
import sys
from collections.abc import Iterator

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.runledger.endings.playing import SECONDS, Stage, until
from tests.runledger.endings.scripts import BEGIN, POINTS, START

WAYS = ("shut down", "restarted", "killed", "interrupted")


class Notebook:
    """A kernel of the interpreter that runs the tests, with a run that goes on after a cell that failed."""

    def __init__(self, stage: Stage, name: str) -> None:
        # What takes long on a busy machine is not killed for it.
        self.manager = KernelManager(shutdown_wait_time=SECONDS)
        assert self.manager.kernel_spec is not None
        self.manager.kernel_spec.argv[:] = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self.manager.start_kernel(cwd=str(stage.folder), env=stage.environment | {"NAME": name})
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SECONDS)
        assert self.run(f"{BEGIN}{START}import os; pid = os.getpid(); open('{name}.pid', 'w').write(str(pid))") == "ok"
        assert self.run("1 / 0") == "error"
        assert self.run("run.log('loss', 1)") == "ok"

    def run(self, code: str) -> str:
        """Run a cell, and tell how it went."""
        reply = self.client.execute_interactive(code, timeout=SECONDS, output_hook=lambda _: None)
        return str(reply["content"]["status"])

    def close(self) -> None:
        """Let nothing run."""
        self.client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel(now=True)
        # Of a kernel that was killed, nobody else closes what was opened for it.
        self.manager.cleanup_resources()


@pytest.fixture
def notebooks(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Notebook]]:
    """A kernel for each way to end."""
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(stage.folder / name.lower()))
    made = {way: Notebook(stage, way.replace(" ", "-")) for way in WAYS}
    yield made
    for notebook in made.values():
        notebook.close()


def test_a_run_ends_with_its_kernel(stage: Stage, notebooks: dict[str, Notebook]) -> None:
    interrupted = notebooks["interrupted"]
    interrupted.client.execute("import time; time.sleep(60)")
    until(lambda: interrupted.client.get_iopub_msg(timeout=SECONDS)["msg_type"] == "execute_input", "the cell runs")
    interrupted.manager.interrupt_kernel()
    notebooks["shut down"].manager.shutdown_kernel()
    notebooks["restarted"].manager.restart_kernel()
    pid = int((stage.folder / "killed.pid").read_text())
    os.kill(pid, signal.SIGKILL)

    for way, status, reason in (
        ("shut down", "Completed", "the script came to its end"),
        ("restarted", "Completed", "the script came to its end"),
        ("killed", "Failed", "SIGKILL"),
    ):
        run = stage.ended(way)
        assert (run["status"], run["points"]) == (status, {"loss": POINTS + 1}), str(run)
        assert reason in run["status_reason"]
        assert run["certainty"].startswith("exact")
    # The end of a cell is not the end of the kernel.
    assert interrupted.run("run.log('loss', 2); assert run.get_status() == 'Running'; run.complete()") == "ok"
    assert stage.ended("interrupted")["points"] == {"loss": POINTS + 2}
    for notebook in notebooks.values():
        notebook.close()
    stage.assert_nothing_is_left()
