"""``python -m jobledger`` is the command ``jobledger``. What hides our packages is said here, in one line."""

import sys

from jobledger.shadowing import need


def main() -> None:
    """Run the command."""
    try:
        need("ledger")  # every verb needs it; of the others, the command says when it comes to them
    except ImportError as hidden:
        sys.exit(f"error: {hidden}")
    from jobledger.cli import main as run

    run()


if __name__ == "__main__":
    main()
