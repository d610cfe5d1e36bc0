"""Webhooks: each notification as a CloudEvent, signed, to an address of the operator's."""
