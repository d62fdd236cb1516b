"""The indexer: passages in, a searchable index out."""
