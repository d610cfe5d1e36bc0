"""The broker that the other tests trust: real clients, real crashes, and nothing left behind."""

import asyncio
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from examples import kafka_broker as script
from examples.kafka_broker import BrokerError, KafkaBroker, free_ports

pytestmark = pytest.mark.kafka

TOPIC = TopicPartition("kept", 0)


async def write(address: str, value: bytes) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC.topic, num_partitions=1, replication_factor=1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=address, acks="all") as producer:
        await producer.send_and_wait(TOPIC.topic, value, partition=TOPIC.partition)


async def read(address: str) -> bytes | None:
    async with AIOKafkaConsumer(bootstrap_servers=address) as consumer:
        consumer.assign([TOPIC])
        consumer.seek(TOPIC, 0)
        record = await asyncio.wait_for(consumer.getone(), timeout=30)
    value: bytes | None = record.value
    return value


def test_a_record_outlives_a_killed_broker_and_no_process_is_left(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    with KafkaBroker(tmp_path) as broker:
        asyncio.run(write(broker.address, b"the record"))
        broker.kill()
        with pytest.raises(BrokerError, match="not running"):
            broker.kill()
        broker.restart()
        assert asyncio.run(read(broker.address)) == b"the record"
    assert set(psutil.Process().children()) == before


def test_a_frozen_broker_can_be_thawed_and_stopped(tmp_path: Path) -> None:
    with KafkaBroker(tmp_path) as broker:
        node = psutil.Process(broker.pid)
        broker.freeze()
        assert node.status() == psutil.STATUS_STOPPED
        broker.thaw()
        assert node.status() != psutil.STATUS_STOPPED
        broker.freeze()
    assert not node.is_running()


def test_a_taken_port_is_named_with_the_end_of_the_log(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        broker = KafkaBroker(tmp_path, port=taken.getsockname()[1])
        with pytest.raises(BrokerError, match="Address already in use"):
            broker.start()
    assert set(psutil.Process().children()) == before


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda ending: ending.name)
def test_the_broker_ends_with_the_script_that_started_it(tmp_path: Path, ending: signal.Signals) -> None:
    (port,) = free_ports(1)
    command = [sys.executable, script.__file__, "--port", str(port), "--folder", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert f"listens on 127.0.0.1:{port}" in running.stdout.readline()
        started = psutil.Process(running.pid).children(recursive=True)
        running.send_signal(ending)
    _, alive = psutil.wait_procs(started, timeout=30)
    assert len(started) == 2  # the broker and its guard
    assert alive == []
