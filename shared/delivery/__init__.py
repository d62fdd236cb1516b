"""Effectively-once delivery over Redis streams."""
