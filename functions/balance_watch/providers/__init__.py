"""Providers: from an account to the result of reading it. Each provider is one file of data."""
