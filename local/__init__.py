"""The embedded stack: everything outside the function, on loopback. Never shipped to Lambda."""
