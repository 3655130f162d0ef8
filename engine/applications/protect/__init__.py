"""Perturbing one's own photos."""
