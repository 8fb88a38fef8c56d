"""Books: chapters, read from text or EPUB; spoken so that an interruption costs a sentence; written."""
