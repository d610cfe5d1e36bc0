"""Why a cluster lets nobody in: aiokafka's clients say only that they could not begin."""

import asyncio
import ssl
from typing import TYPE_CHECKING

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from ledger.errors import UnavailableError
from ledger.logs.kafka.address import KafkaAddress

if TYPE_CHECKING:
    from ledger.logs.kafka.client import Connection

# Whoever is silent was waited for already.
_SECONDS = 3.0
_OF_CLUSTER = frozenset({"bootstrap_servers", "metadata_max_age_ms", "retry_backoff_ms"})


class NotLetInError(UnavailableError):
    """A broker answers, and does not take us for who we say we are, or we do not take it for ours."""


async def why_unreachable(connection: "Connection") -> UnavailableError | None:
    """Try each broker once, and tell what the first says that does not let us in; None if none says anything."""
    options = {name: value for name, value in connection.options().items() if name not in _OF_CLUSTER}
    for host, port, _ in collect_hosts(list(connection.address.servers), randomize=False):
        try:
            async with asyncio.timeout(_SECONDS):
                opened = await create_conn(host, port, **options)
        except (KafkaError, OSError, TimeoutError) as error:
            told = _told(error, connection.address, f"{host}:{port}")
            if told is not None:
                return NotLetInError(told)
        else:
            opened.close()
    return None


def _told(error: Exception, address: KafkaAddress, server: str) -> str | None:
    security = address.security
    match error:
        case SaslAuthenticationFailed() | AuthenticationFailedError():
            return (
                f"Kafka at {server} refuses {security.principal}: name or password is wrong, or the user is not one "
                f"for {security.mechanism}. See RUNLEDGER_KAFKA_USERNAME, _PASSWORD_FILE and _MECHANISM."
            )
        case UnsupportedSaslMechanismError():
            return f"Kafka at {server} does not know the mechanism {security.mechanism}; see RUNLEDGER_KAFKA_MECHANISM"
        case ssl.SSLCertVerificationError():
            return (
                f"the certificate of Kafka at {server} is not trusted: {error.verify_message}. Name the file of the "
                "authority that issued it in RUNLEDGER_KAFKA_CA_FILE."
            )
        case ssl.SSLError():
            return (
                f"Kafka at {server} and this client find no common encryption ({error.reason}). "
                f"Is RUNLEDGER_KAFKA_PROTOCOL {security.protocol} what this port speaks, or does it want a "
                "client certificate (RUNLEDGER_KAFKA_CERTIFICATE_FILE)?"
            )
        case ConnectionError() | KafkaError() if _was_answered(error):
            return (
                f"Kafka at {server} hangs up on {security.protocol}: see RUNLEDGER_KAFKA_PROTOCOL for what this port "
                "speaks, and RUNLEDGER_KAFKA_CERTIFICATE_FILE if it wants a client certificate"
            )
        case _:
            return None


def _was_answered(error: Exception) -> bool:
    """Whether somebody took the connection and closed it, as what speaks TLS does to who does not."""
    return isinstance(error, ConnectionResetError) or (isinstance(error, KafkaError) and "closed" in str(error).lower())
