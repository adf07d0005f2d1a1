"""What operators ask, in SQL: typed values out. What these mean, and the words for it, is in ``jobledger.admin``.

Only ``jobledger`` imports it.
"""
