"""What the operator configured: settings, accounts, channels and the policy."""
