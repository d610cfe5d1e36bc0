"""A password whose hash is checked fast: the weakest that the ledger takes, so that tests do not wait for it."""

from argon2 import PasswordHasher

PASSWORD = "correct horse battery"
HASH, OTHER_HASH = (PasswordHasher(time_cost=1, memory_cost=19_456, parallelism=1).hash(PASSWORD) for _ in range(2))
