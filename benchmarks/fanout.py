"""The floor of the stream: a bare server that sends each line of its input to every connection, and no more."""

import asyncio
import sys

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: position\ndata: {}\n\n"


async def _main() -> None:
    connections: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_HEAD)
        connections.append(writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        event = f'event: run\ndata: {{"type": "runledger.run.started.v1", "run_id": "{line.strip()}"}}\n\n'.encode()
        for writer in connections:
            writer.write(event)
    for writer in connections:
        writer.close()


if __name__ == "__main__":
    asyncio.run(_main())
