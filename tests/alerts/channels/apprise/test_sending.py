"""Apprise: a message goes out by a real plug-in, and what goes wrong is an outcome."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from alerts.channels.apprise.sending import AppriseChannel, compose
from alerts.channels.channel import ChannelSettingsError, Outcome, Retry, Sent
from alerts.templates.rendered import Rendered
from tests.alerts.receiver import Receiver, receiving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
MESSAGE = compose(Rendered("run żółw failed", "first\nsecond\n", "<p>html</p>"), "n-1", "channel:chat")


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(Receiver([OK])) as listening:
        yield listening


def channel(tmp_path: Path, receiver: Receiver) -> AppriseChannel:
    file = tmp_path / "url"
    file.write_text(f"json://127.0.0.1:{receiver.port}/?rto=2&cto=2\n")
    return AppriseChannel("chat", file)


async def send(tmp_path: Path, receiver: Receiver) -> Outcome:
    opened = channel(tmp_path, receiver)
    try:
        return await opened.send(MESSAGE)
    finally:
        await opened.close()


@pytest.mark.asyncio
async def test_a_message_goes_out_with_title_and_text(tmp_path: Path, receiver: Receiver) -> None:
    assert await send(tmp_path, receiver) == Sent(None, "Apprise: delivered")
    [request] = receiver.requests
    assert request.json()["title"] == "run żółw failed"
    assert request.json()["message"].split() == ["first", "second"]


@pytest.mark.asyncio
async def test_what_apprise_cannot_deliver_is_tried_again(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answers = [b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"]
    assert isinstance(await send(tmp_path, receiver), Retry)


@pytest.mark.asyncio
async def test_it_does_not_hold_up_the_loop(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answers = [None]
    opened = channel(tmp_path, receiver)
    sending = asyncio.create_task(opened.send(MESSAGE))
    await receiver.came.wait()
    assert not sending.done()
    assert isinstance(await sending, Retry)
    await opened.close()


@pytest.mark.parametrize("content", [None, "", "json://a\njson://b\n", "what is this"])
def test_a_file_that_names_no_service_is_refused(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "url"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ChannelSettingsError, match="channel chat: url_file"):
        AppriseChannel("chat", file)


def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ChannelSettingsError, match=r"runledger\[apprise\]"):
        AppriseChannel("chat", tmp_path / "url")
