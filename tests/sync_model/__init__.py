"""The sync, model-checked: real files, a real server, and everything that can come between them.

``test_sync_model.py`` runs it and says how to run it for longer.
"""
