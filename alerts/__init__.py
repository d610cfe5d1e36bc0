"""Alerts: rules over events, and the messages they send."""
