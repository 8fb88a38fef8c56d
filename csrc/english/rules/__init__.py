"""The rules for English: patterns, what is written for what they find, and tables of words."""
