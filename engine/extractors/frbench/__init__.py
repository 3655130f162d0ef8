"""The networks that FRBench publishes: ``frbench:BACKBONE/LOSS/DATA``."""
