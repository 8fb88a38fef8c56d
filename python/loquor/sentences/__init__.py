"""Where sentences end, and a long text in pieces that a model speaks well."""
