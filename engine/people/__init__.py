"""Identities and their photos: the fictional people, folders of real ones, alignment, casts."""
