"""Texts as vectors: the `Embedder` port and its engines."""
