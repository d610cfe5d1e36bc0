"""Rules, silences and unsubscribes as their events make them, and what they match."""
