"""The whole path on real files, in one terminal, checked against itself."""
