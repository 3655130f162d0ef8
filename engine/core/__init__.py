"""What everything that computes stands on: the contracts (start at ``interfaces``), budgets, devices, the cache."""
