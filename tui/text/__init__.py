"""Text: spans with roles, sentences, formats, tables, lines."""
