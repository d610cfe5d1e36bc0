"""The way to the recipients of one channel: nothing that happens in one lane holds up another."""

from alerts.channels.channel import Ambiguous, Broken, Channel
from alerts.channels.channel import Outcome as Came
from alerts.deliver.breaker import Breaker
from alerts.deliver.rate import Bucket, Rate


class Lane:
    """A channel with its breaker, and the rate that it is asked to keep."""

    def __init__(self, channel: Channel, rate: Rate | None = None) -> None:
        """Nothing was sent yet; without a rate there is no bound but the channel's connections."""
        self.channel = channel
        self.breaker = Breaker()
        self._rate = rate
        self._bucket: Bucket | None = None

    def free(self, now: int, under_way: int) -> int:
        """How many more messages may be claimed at `now` (milliseconds)."""
        allowed = self.breaker.allows(now, connections=self.channel.connections, under_way=under_way)
        return allowed if self._rate is None else min(allowed, self._filled(self._rate, now).left(now))

    def took(self, now: int, count: int) -> None:
        """After so many were claimed."""
        if self._rate is not None:
            self._bucket = self._filled(self._rate, now).take(now, count)

    def hear(self, came: Came, now: int) -> None:
        """After an attempt; one that nobody answered says nothing about the transport."""
        if isinstance(came, Broken):
            self.breaker = self.breaker.broke(now, at_least=came.wait_seconds)
        elif not isinstance(came, Ambiguous):
            self.breaker = self.breaker.worked()

    def _filled(self, rate: Rate, now: int) -> Bucket:
        return self._bucket or Bucket.full(rate, now)
