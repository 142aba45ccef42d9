"""Tells you in Slack and by SNS before a prepaid API provider runs dry."""
