"""The stories: one module each, with ``scenario(lab)`` and a docstring that is the story."""
