"""Providers: each is a file of data, read by one specification."""
