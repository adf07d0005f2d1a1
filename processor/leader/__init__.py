"""What one processor does for all: putting events in order, letting due jobs start, rescuing. Imports ``session``."""
