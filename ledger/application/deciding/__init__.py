"""What each command means to its aggregate: a module for each of them, and no I/O but what is given."""
