"""Speech over HTTP: OpenAI's audio API, and a WebSocket for text that is still being written."""
