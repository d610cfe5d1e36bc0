"""Measurements, each as a ratio to a peer or to what the machine can do, in one run."""
