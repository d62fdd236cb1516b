"""Tunes models on datasets, by every method, and says what each was worth."""
