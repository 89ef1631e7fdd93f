"""Job forms: one small widget for each kind of field, one tab at a time."""
