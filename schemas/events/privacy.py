"""What is encrypted, and what was erased."""

from typing import ClassVar

from schemas.events.base import Event, Text


class PersonalDataEncryptedEvent(Event):
    """From here on personal text is stored under keys of the key store that has this id."""

    name: ClassVar[str] = "personal-data.encrypted"

    store: Text


class PersonalDataErasedEvent(Event):
    """The keys of the subject that this stream is of were destroyed: what they encrypted is gone.

    `keys` are the ids of those that were ever used. Nothing of this event is encrypted: who erased what, when and
    why stays.
    """

    name: ClassVar[str] = "personal-data.erased"

    keys: list[Text]
