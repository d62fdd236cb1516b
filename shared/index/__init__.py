"""Passages, searchable: the `PassageIndex` port and its adapters."""
