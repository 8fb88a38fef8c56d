"""How the built-in voice is made: text, teacher, training, export and evaluation (see README.md)."""
