"""From a parallel corpus to a trained model folder: prepare, plan, train, judge, report.

Everything below this folder is put together here, and nowhere else.
"""
