"""What the cluster says of itself and of topics, and making them."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidReplicationFactorError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.admin import ApiVersionRequest

from ledger.errors import NotReadyError, UnavailableError
from ledger.logs.kafka.address import KafkaAddress
from ledger.logs.kafka.client import CLOSE_SECONDS, CONNECT_SECONDS, Connection, Spot, within
from ledger.logs.kafka.releases import release_of
from ledger.logs.kafka.requests import SizesRequest, TopicsRequest, allowed_in
from ledger.logs.kafka.rights import LacksRightError, lacking, refused
from ledger.logs.kafka.topics import PartitionFacts, TopicFacts
from ledger.logs.kafka.unreachable import why_unreachable

_FORBIDDEN = frozenset({TopicAuthorizationFailedError.errno, ClusterAuthorizationFailedError.errno})


class Admin:
    """Makes topics and says how they are set; it never changes one."""

    def __init__(self, client: AIOKafkaAdminClient, address: KafkaAddress) -> None:
        """Use `administering`."""
        self._client = client
        self.address = address

    async def brokers(self) -> int:
        """How many brokers the cluster has.

        Raises:
            NotReadyError: none yet, or none any more.
        """
        return len((await self._cluster())["brokers"])

    async def cluster_id(self) -> str | None:
        """The id that the cluster was formatted with; None of systems that have none."""
        found = (await self._cluster()).get("cluster_id")
        return str(found) if found else None

    async def release(self) -> str:
        """The release of Kafka whose protocol the broker speaks, as far as that tells."""
        answer = await self._send(ApiVersionRequest())
        return release_of({key: newest for key, _, newest in answer.api_versions})

    async def facts(self, topic: str) -> TopicFacts | None:
        """How a topic is set, or None if there is none; without settings for a user who may not see them.

        Raises:
            LacksRightError: the user may not even know whether it is there.
        """
        (described,) = (await self._send(TopicsRequest([topic]))).to_object()["topics"]
        code = described["error_code"]
        if code == UnknownTopicOrPartitionError.errno:
            return None
        if code in _FORBIDDEN:
            raise refused(self.address.security.principal, ["DESCRIBE"], topic, self.address.bootstrap)
        if code:
            kind = NotReadyError if for_code(code).retriable else UnavailableError
            raise kind(f"Kafka at {self.address} says of topic {topic}: {for_code(code).__name__}")
        layout = tuple(
            PartitionFacts(each["partition"], each["leader"], tuple(each["replicas"]), tuple(each["isr"]))
            for each in sorted(described["partitions"], key=lambda each: int(each["partition"]))
        )
        allowed = allowed_in(described)
        return TopicFacts(
            name=topic,
            partitions=len(layout),
            replicas=min((len(each.replicas) for each in layout), default=0),
            brokers=await self.brokers(),
            settings={} if lacking(allowed, ["DESCRIBE_CONFIGS"]) else await self._settings(topic),
            allowed=allowed,
            layout=layout,
        )

    async def create(self, topic: str, partitions: int, replicas: int, settings: Mapping[str, str]) -> bool:
        """Make a topic; False if another made it meanwhile, which is fine.

        Raises:
            LacksRightError: the user may not make topics.
            NotReadyError: fewer brokers are ready than the cluster lists.
        """
        new = NewTopic(topic, partitions, replicas, topic_configs=dict(settings))
        answer = await within(self._client.create_topics([new], timeout_ms=int(CONNECT_SECONDS * 1000)), self.address)
        code, text = answer.topic_errors[0][1], answer.topic_errors[0][-1]
        if code in _FORBIDDEN:
            raise LacksRightError(
                f"topic {topic} is not there, and {self.address.security.principal} lacks CREATE on it and on the "
                "cluster. An operator makes the topics once: "
                f"`runledger topic create {self.address}` does it, and with --dry-run it prints the commands"
            )
        if code not in {0, TopicAlreadyExistsError.errno}:
            kind = NotReadyError if code == InvalidReplicationFactorError.errno else UnavailableError
            raise kind(f"Kafka refused to make topic {topic}: {for_code(code).__name__} {text or ''}")
        return bool(code == 0)

    async def sizes(self, spots: Collection[Spot]) -> dict[Spot, int]:
        """The bytes of each partition's largest copy; empty for a user without DESCRIBE on the cluster."""
        asked: dict[str, list[int]] = {}
        for topic, partition in spots:
            asked.setdefault(topic, []).append(partition)
        found: dict[Spot, int] = {}
        for broker in self._client._client.cluster.brokers():  # noqa: SLF001 - aiokafka's admin has no such request
            answer = (await self._send(SizesRequest(asked), broker.nodeId)).to_object()
            for place in answer["results"]:
                for topic in place["topics"]:
                    for each in topic["partitions"]:
                        spot = (topic["topic"], each["partition"])
                        found[spot] = max(found.get(spot, 0), each["size"])
        return found

    async def _cluster(self) -> Mapping[str, Any]:
        cluster: Mapping[str, Any] = await within(self._client.describe_cluster(), self.address)
        if not cluster["brokers"]:
            raise NotReadyError(f"Kafka at {self.address} has no broker that is ready; try again")
        return cluster

    async def _settings(self, topic: str) -> dict[str, str]:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        answers = await within(self._client.describe_configs([resource]), self.address)
        resources = [found for answer in answers for found in answer.resources]
        if any(found[0] in _FORBIDDEN for found in resources):
            raise refused(self.address.security.principal, ["DESCRIBE_CONFIGS"], topic, self.address.bootstrap)
        return {entry[0]: entry[1] for found in resources for entry in found[4]}

    async def _send(self, request: Any, node: int | None = None) -> Any:
        return await within(self._client._send_request(request, node), self.address)  # noqa: SLF001 - as above


@asynccontextmanager
async def administering(connection: Connection) -> AsyncIterator[Admin]:
    """An admin client for a short while.

    Raises:
        UnavailableError: no broker answers; where one does and lets nobody in, it says why.
    """
    client = AIOKafkaAdminClient(**{k: v for k, v in connection.options().items() if k != "retry_backoff_ms"})
    try:
        try:
            await within(connection.start(client, client.close, CONNECT_SECONDS), connection.address)
        except UnavailableError as error:
            # aiokafka tells its log why, and us that it could not.
            raise (await why_unreachable(connection) or error) from error
        yield Admin(client, connection.address)
    finally:
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await client.close()
