"""Providers: each is one file of data, and one specification describes them all."""
