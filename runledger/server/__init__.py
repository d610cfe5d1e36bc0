"""The HTTP API of one workspace, and what else a server does."""

ROLES = {
    "api": "answer commands and questions; without it only /livez, /readyz and /metrics",
    "projections": "keep the tables of runs up to date in the background; without it questions do so",
    "alerts": "tell what alert rules notice, if RUNLEDGER_SMTP_URL names a relay or config.toml a channel",
    "liveness": "notice runs that went silent, and deliver what dead scripts left in the folder that is served",
}
"""Each role and what it does."""
