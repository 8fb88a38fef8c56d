"""Voices: from a recording to what the engine speaks with."""
