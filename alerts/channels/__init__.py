"""Ways out of the service: one folder for each kind of channel."""
