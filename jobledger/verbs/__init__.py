"""The command line, a file a verb. It calls into the packages; nothing imports it but ``jobledger.cli``."""
