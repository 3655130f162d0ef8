"""A board of cloaking tools: each run on the same fictional people, and checked against the same trainers."""
