"""The rules of the field: pure functions and values, standard library only, time an argument."""
