"""Loquor inside other programs: a module for each, by the class or the protocol that is theirs."""
