"""Models as an HTTP service: requests in, translations out, many requests in one batch.

One thread asks the models (`batcher.py`); everything else runs on an event loop that never touches torch. The dialects
(`v1.py`, `libretranslate.py`, `deepl.py`) only read requests and write answers; `service.py` knows what to do.
"""
