"""The terminal: one file for each verb; each only reads flags, calls the library and prints."""
