"""Photos before and after a tool: which belongs to which, where one lies in the other, and what changed."""
