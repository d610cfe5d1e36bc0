"""What may be logged, and batches of it; light enough for a training process."""
