"""Figures of reports and results alone: accuracy against robustness, and a forecast."""
