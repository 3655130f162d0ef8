"""What is kept of a run, and the small things everything stands on: no torch, no numpy."""
