"""Slack, Teams, Telegram and whatever else Apprise speaks to."""
