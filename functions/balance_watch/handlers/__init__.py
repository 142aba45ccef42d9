"""The entry points of the functions: each parses its event, calls a use case and returns."""
