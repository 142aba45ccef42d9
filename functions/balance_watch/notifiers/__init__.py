"""Channels: each renders messages without side effects, and sends them."""
