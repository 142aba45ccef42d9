"""Values and pure decisions. They use the standard library alone; the time is an argument."""
