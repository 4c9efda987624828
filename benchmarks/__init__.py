"""Timings: each module's ``run(scale) -> dict`` measures against a named baseline in the same run."""
