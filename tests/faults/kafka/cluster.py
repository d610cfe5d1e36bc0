"""Three Kafka nodes on this machine that keep three copies of everything, as a careful team has them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from examples.kafka_broker import KafkaBroker, free_ports, new_cluster

NODES = 3

# A later line wins over an earlier one of the same name.
_MORE = """\
node.id={number}
controller.quorum.voters={voters}
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
replica.lag.time.max.ms=5000
"""


class KafkaNode(KafkaBroker):
    """One of several nodes."""

    def __init__(self, folder: Path, number: int, ports: Sequence[int], voters: str, cluster: str) -> None:
        super().__init__(folder, port=ports[0], cluster=cluster)
        self._controller_port = ports[1]
        self._more = _MORE.format(number=number, voters=voters)
        self.number = number

    def _settings(self) -> str:
        return super()._settings() + self._more


class KafkaCluster:
    """Three nodes, from the `with` on; each is killed, frozen and started again by itself."""

    def __init__(self, folder: Path) -> None:
        ports = free_ports(2 * NODES)
        pairs = list(zip(ports[::2], ports[1::2], strict=True))
        voters = ",".join(f"{number}@127.0.0.1:{pair[1]}" for number, pair in enumerate(pairs, 1))
        cluster = new_cluster()
        self.nodes = [
            KafkaNode(folder / f"node-{number}", number, pair, voters, cluster) for number, pair in enumerate(pairs, 1)
        ]

    @property
    def address(self) -> str:
        """Where clients connect: all nodes, with commas between."""
        return ",".join(node.address for node in self.nodes)

    def node(self, number: int) -> KafkaNode:
        return self.nodes[number - 1]

    def start(self) -> None:
        """Start all at once, since none answers without a second."""
        _at_once([node.start for node in self.nodes])

    def kill(self) -> None:
        """SIGKILL to all of them."""
        for node in self.nodes:
            node.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _at_once([node.stop for node in self.nodes])


def _at_once(acts: Sequence[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(act) for act in acts]:
            done.result()
