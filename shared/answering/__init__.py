"""Answering with a model as a tuning method left it: a prompt, an adapter, a head, all weights."""
