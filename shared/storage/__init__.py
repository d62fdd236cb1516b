"""What is kept for good: document bodies, examples and dataset versions."""
