"""Answers questions from the indexed passages, with a tuned model or one as it is."""
