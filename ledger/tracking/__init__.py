"""What a training process does for its runs: it notes what is logged, ships it, and sees to their ends."""
