"""A run that branches from another: what is otherwise, how it is played, and what came of it, side by side."""
