"""A Kafka node as an operator with care runs it: TLS, users with SCRAM passwords, and nothing allowed unless said.

It has three doors: `address` without any question for who operates it (on loopback, with all rights),
`secure_address` with TLS and users, and `certificate_address` with TLS and client certificates.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import trustme
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificate

from examples.kafka_broker import KafkaBroker, free_ports

USER, PASSWORD = "ledger", "correct horse battery staple"
HOST = "localhost"

_SETTINGS = """
listeners=PLAINTEXT://127.0.0.1:{port},USERS://127.0.0.1:{users},CERTIFIED://127.0.0.1:{certified},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},USERS://localhost:{users},CERTIFIED://localhost:{certified}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,USERS:SASL_SSL,CERTIFIED:SSL,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.users.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location=server.pem
ssl.truststore.type=PEM
ssl.truststore.location=ca.pem
listener.name.certified.ssl.client.auth=required
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""


class SecureBroker(KafkaBroker):
    """One such node, with one user who has no right yet."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._users, self._certified = free_ports(2)
        folder.mkdir(parents=True, exist_ok=True)
        self._authority = trustme.CA()
        self._write("server.pem", self._authority.issue_cert(HOST, "127.0.0.1"))
        self.ca_file = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca_file))
        self.password_file = folder / "password"
        self.password_file.write_text(f"{PASSWORD}\n")
        self.password_file.chmod(0o600)

    @property
    def secure_address(self) -> str:
        return f"{HOST}:{self._users}"

    @property
    def certificate_address(self) -> str:
        return f"{HOST}:{self._certified}"

    @property
    def environment(self) -> dict[str, str]:
        """What a server needs to be let in as the user."""
        return {
            "RUNLEDGER_KAFKA_USERNAME": USER,
            "RUNLEDGER_KAFKA_PASSWORD_FILE": str(self.password_file),
            "RUNLEDGER_KAFKA_CA_FILE": str(self.ca_file),
        }

    def certificate(self, name: str) -> tuple[Path, str]:
        """A file with a certificate for a name, and its key; and whom the broker sees in who shows it."""
        leaf = self._authority.issue_cert(
            f"{name}@example.org", common_name=name, organization_name="team", organization_unit_name="servers"
        )
        subject = load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()).subject
        return self._write(f"{name}.pem", leaf), f"User:{subject.rfc4514_string()}"

    def allow(self, operations: Collection[str], topics: Collection[str], principal: str = f"User:{USER}") -> None:
        """Allow it, and nothing else, on these topics."""
        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        _results(admin.delete_acls([_filter(topic) for topic in topics]))
        wanted = [_binding(topic, operation, principal) for topic in topics for operation in operations]
        if wanted:
            _results(admin.create_acls(wanted))

    def _write(self, name: str, certificate: trustme.LeafCert) -> Path:
        file = self._folder / name
        file.write_bytes(_key(certificate) + b"".join(each.bytes() for each in certificate.cert_chain_pems))
        return file

    def _settings(self) -> str:
        # What is said twice holds as it is said last.
        return super()._settings() + _SETTINGS.format(
            port=self._port, users=self._users, certified=self._certified, controller=self._controller_port
        )

    def _format_options(self) -> list[str]:
        return ["--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"]


def _key(certificate: trustme.LeafCert) -> bytes:
    """The private key in the one form that Java reads."""
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _binding(topic: str, operation: str, principal: str) -> AclBinding:
    place = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL)
    return AclBinding(*place, principal, "*", AclOperation[operation], AclPermissionType.ALLOW)


def _filter(topic: str) -> AclBindingFilter:
    anybody: Any = None
    place = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL)
    return AclBindingFilter(*place, anybody, anybody, AclOperation.ANY, AclPermissionType.ANY)


def _results(futures: Mapping[Any, Any]) -> None:
    for future in futures.values():
        future.result(timeout=20)
