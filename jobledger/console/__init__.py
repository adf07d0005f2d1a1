"""What verbs share: options, output, and the reading of what people type. No verb; `jobledger.verbs` imports it."""
