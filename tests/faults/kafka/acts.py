"""What is done to brokers. Each act answers with the moment from which the writers' recovery counts."""

import asyncio
import time

from examples.kafka_broker import KafkaBroker
from tests.faults.kafka.cluster import KafkaCluster
from tests.faults.kafka.storm import Acts
from tests.faults.kafka.topic import leader_of

# Longer than a delivery (3 s), a request (5 s), an append (8 s) and a connection (11 s) may take.
FROZEN_SECONDS = 13.0


def on_a_broker(broker: KafkaBroker) -> Acts:
    """What can happen to the only one."""

    def kill() -> float:
        broker.kill()
        broker.start()
        return time.monotonic()

    def freeze() -> float:
        broker.freeze()
        time.sleep(FROZEN_SECONDS)
        broker.thaw()
        return time.monotonic()

    return [("the broker killed and started again", kill), (f"the broker frozen for {FROZEN_SECONDS:.0f} s", freeze)]


def on_a_cluster(cluster: KafkaCluster, topic: str) -> Acts:
    """What can happen to three, in this order."""
    hit: list[int] = []

    def kill_leader() -> float:
        hit.append(asyncio.run(leader_of(cluster.address, topic)))
        cluster.node(hit[-1]).kill()
        return time.monotonic()

    def start_it() -> float:
        cluster.node(hit[-1]).start()
        return time.monotonic()

    def freeze_leader() -> float:
        hit.append(asyncio.run(leader_of(cluster.address, topic)))
        cluster.node(hit[-1]).freeze()
        return time.monotonic()

    def wake_it() -> float:
        time.sleep(FROZEN_SECONDS)
        cluster.node(hit[-1]).thaw()
        return time.monotonic()

    def kill_all() -> float:
        cluster.kill()
        cluster.start()
        return time.monotonic()

    return [
        ("the leader killed", kill_leader),
        ("the killed node started again", start_it),
        ("the leader frozen", freeze_leader),
        (f"the former leader woken after {FROZEN_SECONDS:.0f} s", wake_it),
        ("all three nodes killed and started again", kill_all),
    ]
