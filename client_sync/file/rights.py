"""Who may use what belongs to a file, by the rules of the system that it is on."""

import sys

if sys.platform == "win32":
    from client_sync.file.windows_rights import make_new, open_lock, share
else:
    from client_sync.file.posix_rights import make_new, open_lock, share

__all__ = ["make_new", "open_lock", "share"]
