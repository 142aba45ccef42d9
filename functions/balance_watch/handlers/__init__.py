"""The entry points of the functions: each parses its event, calls a use case and returns."""

import gc

# What a start imports lives as long as the process. To look through it for garbage finds next to
# none, and took a tenth of the start: `runtime`, which every handler imports, resumes it.
gc.disable()
