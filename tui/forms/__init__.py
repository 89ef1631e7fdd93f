"""Job forms made from the option tables."""
