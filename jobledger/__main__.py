"""``python -m jobledger`` is the command ``jobledger``."""

from jobledger.cli import main

if __name__ == "__main__":
    main()
