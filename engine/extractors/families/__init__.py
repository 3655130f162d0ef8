"""Extractors by family: one file each."""
