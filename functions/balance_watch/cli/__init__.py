"""The balance-watch command: the same code as the function, at a terminal."""
