"""Placeholder."""


def page(events: list, *, live: bool) -> str:
    return "<!doctype html><title>x</title>"
