"""The logs as Kafka topics, arbitrated by every reader's fold."""
