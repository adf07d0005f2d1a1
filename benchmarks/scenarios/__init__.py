"""The scenarios, one module a noun; ``benchmarks.catalogue`` lists them."""
