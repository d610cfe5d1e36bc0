"""Knowing how a process ended: what it leaves behind, who watches it, and the verdict."""
