"""Everything that computes: attacks, extractors, defences, the lab and its clock. No terminal, no printing."""
