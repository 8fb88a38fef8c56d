"""Text as it comes: which characters may be spoken, what the ends of lines mean, what is left out."""
