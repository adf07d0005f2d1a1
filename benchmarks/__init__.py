"""The benchmarks: what the project promises about cost and speed, measured beside the floor and beside others.

``python -m benchmarks run`` measures, ``python -m benchmarks list`` says what there is. This file imports nothing: the
programs that are measured start from here too, some of them in an environment without the project.
"""
