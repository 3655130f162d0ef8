"""What can be asked: whom does the trainer name, do two photos match."""
