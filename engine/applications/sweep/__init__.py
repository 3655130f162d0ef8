"""Sweeps: grids and stories over many settings, whoever computes them; nothing twice, and what is finished stays."""
