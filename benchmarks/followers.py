"""Clients of the stream of changes, in a process of their own: `python -m benchmarks.followers HOST PORT COUNT`.

Says "ready" once all of them follow; at the end of its input, how long each event took, as JSON in milliseconds.
A run id that is told is the moment of its command: the clock is the same in all processes of a machine.
"""

import asyncio
import json
import re
import sys
from time import monotonic_ns

_TOLD = re.compile(rb'"type": "runledger\.run\.started\.v1".*"run_id": "at-([0-9]+)"')


async def _follow(host: str, port: int, ready: asyncio.Event, taken: list[float]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET /api/v1/stream HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    try:
        while line := await reader.readline():
            found = _TOLD.search(line)
            if found is not None:
                taken.append((monotonic_ns() - int(found[1])) / 1e6)
            elif line.startswith(b"event: position"):
                ready.set()
    finally:
        writer.close()


async def _main(host: str, port: int, count: int) -> None:
    taken: list[float] = []
    each = [asyncio.Event() for _ in range(count)]
    tasks = [asyncio.create_task(_follow(host, port, ready, taken)) for ready in each]
    for ready in each:
        await ready.wait()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(taken))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
