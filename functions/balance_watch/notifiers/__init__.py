"""Channels: each renders purely and sends as its only effect."""
