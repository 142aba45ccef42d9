"""The functions' entry points: parse, call, return."""
