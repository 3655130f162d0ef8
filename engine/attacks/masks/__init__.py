"""Attacks that make one mask a person, which is put onto any photo at once."""
