"""The soak: many files, a bad network and a server that dies, for as long as one likes; then every promise is checked.

    python -m soak --seconds 60 --seed 7        (from tests/)

The same seed gives the same plan: what each file does, what happens to the n-th connection, when the server dies.
Which thread is quicker stays the machine's choice, so a run is alike and not identical.
"""
