"""Figures of reports and results alone: accuracy against robustness, a forecast, curves of a sweep."""
