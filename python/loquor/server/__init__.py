"""Speech over HTTP: OpenAI's audio API, a WebSocket for text that is still being written, and a page."""
