"""The engine, and what it speaks by: options, streams, sessions, long text."""
