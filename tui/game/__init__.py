"""A game in a lab, turn by turn: what can be done, what the machine does, and what came of it. No torch, no screen."""
