"""The summarizer: a passage in, its summary out."""
