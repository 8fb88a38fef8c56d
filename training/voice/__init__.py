"""The recipe of the next built-in voice: a better teacher, many timbres. See README.md beside."""
