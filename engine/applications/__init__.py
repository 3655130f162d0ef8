"""What is made of the engine besides stories: protecting photos, checking them, benchmarks, sweeps."""
