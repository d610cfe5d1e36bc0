"""An alert service that kills itself at a named point: FOLDER POINT SERVER."""

import asyncio
import os
import signal
import sys
from contextlib import closing
from pathlib import Path

from alerts.channels.channel import Mail, Outcome, Sent
from ledger.logs.sqlite import open_sqlite_log
from ledger.store.database import Database
from schemas.streams import CONTROL, VALUES
from tests.alerts.deliver.working import Memory, service
from tests.ledger.conftest import CALLER, Parts, now


def main(folder: Path, point: str, server: str) -> None:
    relay = os.open(folder / "relay.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    reached = 0

    async def answer(mail: Mail) -> Outcome:
        os.write(relay, f"{mail.notification}\n".encode())
        return Sent(250, "ok")

    def at(name: str) -> None:
        nonlocal reached
        reached += name == point
        if reached == 2:  # so that some was done before
            os.kill(os.getpid(), signal.SIGKILL)

    with closing(Database(folder / "ledger.db", durable=True)) as database:
        control, values = (
            open_sqlite_log(database, name, source=CALLER.source, actor=CALLER.actor, now=now)
            for name in (CONTROL, VALUES)
        )
        alerts = service(Parts(control, values, database), Memory(answer, connections=4), server=server, at=at)
        asyncio.run(alerts.run_once(30))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
