"""What users of a server are; light enough for a training process."""

from enum import StrEnum


class Role(StrEnum):
    """An admin may do everything, a writer all but users and tokens, a reader only ask."""

    ADMIN = "admin"
    WRITER = "writer"
    READER = "reader"
