"""Text of the 23 languages that Chatterbox Multilingual speaks, as its tokenizer wants it."""
