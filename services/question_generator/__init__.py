"""The question generator: a passage and its summary in, questions out."""
