"""Shared fixtures: tiny bundles are made once a run, real ones are found or skipped with a reason."""
