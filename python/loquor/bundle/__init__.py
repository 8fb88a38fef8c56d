"""A model's files: their catalogue, how they are fetched, and what they say of text."""
