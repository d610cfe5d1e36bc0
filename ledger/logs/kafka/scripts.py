"""The same by Kafka's own commands, for operators who run those."""

from collections.abc import Collection, Mapping

NEEDED = ("DESCRIBE", "READ", "WRITE", "DESCRIBE_CONFIGS")
"""What a server must be allowed on both topics; READ and WRITE imply DESCRIBE."""


def create_command(topic: str, partitions: int, replicas: int, settings: Mapping[str, str], servers: str) -> str:
    """The command that makes a topic."""
    configs = " ".join(f"--config {name}={value}" for name, value in settings.items())
    return (
        f"kafka-topics.sh --bootstrap-server {servers} --create --topic {topic} --partitions {partitions} "
        f"--replication-factor {replicas} {configs}"
    )


def setting_command(topic: str, name: str, value: str, servers: str) -> str:
    """The command that changes a setting of a topic."""
    return (
        f"kafka-configs.sh --bootstrap-server {servers} --alter --entity-type topics --entity-name {topic} "
        f"--add-config {name}={value}"
    )


def grant_command(principal: str, topic: str, servers: str, operations: Collection[str] = NEEDED) -> str:
    """The command by which an operator grants operations on a topic; all that a server needs, unless named."""
    granted = NEEDED if "DESCRIBE" in operations else operations
    # READ and WRITE imply DESCRIBE.
    options = " ".join(f"--operation {_as_option(each)}" for each in granted if each != "DESCRIBE")
    user = principal if principal.startswith("User:") else "User:NAME"
    return f"kafka-acls.sh --bootstrap-server {servers} --add --allow-principal {user} {options} --topic {topic}"


def _as_option(operation: str) -> str:
    return "".join(word.capitalize() for word in operation.split("_"))
