"""Sound: speech as it is given out and saved, subtitles, and recordings as they are read."""
