"""Providers that take code: several requests, or signed ones. Each has `ask`, as `asking.Ask`."""
