"""Commands about this machine: what there is, what it can do, how fast it is."""
