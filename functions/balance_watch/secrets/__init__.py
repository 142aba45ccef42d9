"""Accounts and webhooks, out of AWS Secrets Manager."""
