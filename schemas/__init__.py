"""The words on the wire: events, their envelope, their bytes and their hash."""
