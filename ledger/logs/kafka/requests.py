"""Requests that aiokafka does not have: topics with what the user may do, and the bytes that they take."""

from collections.abc import Mapping
from typing import Any

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest_v5
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Int64, Schema, String

from ledger.logs.kafka.rights import allowed_by

_TEXT = String("utf-8")
_NUMBERS = Array(Int32)


class _MetadataResponse(Response):
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT))),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", _TEXT),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", _NUMBERS),
                        ("isr", _NUMBERS),
                        ("offline_replicas", _NUMBERS),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _MetadataRequest(RequestStruct):
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", Array(_TEXT)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class TopicsRequest(Request[MetadataRequest_v5 | _MetadataRequest]):
    """Some topics; unlike aiokafka's own it never makes one, and asks what the user may do (since Kafka 2.3)."""

    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[RequestStruct]) -> RequestStruct:
        """In the newest version that the broker knows."""
        extra = (False, True) if request_struct_class.API_VERSION == _MetadataRequest.API_VERSION else ()
        return request_struct_class(self._topics, False, *extra)


def allowed_in(topic: Mapping[str, Any]) -> frozenset[str] | None:
    """What the user may do with a topic of the answer; None if the broker is too old to say."""
    bits = topic.get("authorized_operations")
    return None if bits is None else allowed_by(bits)


class _SizesResponse(Response):
    API_KEY = 35
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            Array(
                ("error_code", Int16),
                ("log_dir", _TEXT),
                (
                    "topics",
                    Array(
                        ("topic", _TEXT),
                        (
                            "partitions",
                            Array(("partition", Int32), ("size", Int64), ("offset_lag", Int64), ("is_future", Boolean)),
                        ),
                    ),
                ),
            ),
        ),
    )


class _SizesRequest(RequestStruct):
    API_KEY = 35
    API_VERSION = 1
    RESPONSE_TYPE = _SizesResponse
    SCHEMA = Schema(("topics", Array(("topic", _TEXT), ("partitions", _NUMBERS))))


class SizesRequest(Request[_SizesRequest]):
    """The bytes that partitions take on one broker's disks; empty for a user without DESCRIBE on the cluster."""

    API_KEY = 35

    def __init__(self, partitions: dict[str, list[int]]) -> None:
        self._partitions = partitions

    def build(self, request_struct_class: type[_SizesRequest]) -> _SizesRequest:
        """In the one version there is."""
        return request_struct_class(list(self._partitions.items()))
