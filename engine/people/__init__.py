"""Identities and their photos: the fictional people, folders of real ones, alignment, casts."""

PER_PERSON = 48
"""Photos taken of a person of a folder at most, unless asked otherwise; spread evenly over the file names in order."""
