"""Stories about what a law would change."""
