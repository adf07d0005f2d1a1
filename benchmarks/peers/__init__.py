"""Other queues, measured the same way. They live in an environment of their own: the project needs none."""
