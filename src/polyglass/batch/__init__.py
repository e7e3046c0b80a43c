"""A large file in, the same file translated: in parts that survive a kill, in shards of a job array, or with Ray."""
