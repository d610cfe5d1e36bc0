"""What may happen to runs and experiments: decisions on the state that their events give."""
