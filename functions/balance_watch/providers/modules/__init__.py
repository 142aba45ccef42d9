"""Providers that need code, for several requests or a signature. Each module has a `flow`."""
