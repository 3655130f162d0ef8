"""Results of the paper's grid: written down, and browsed."""
