"""Schedulers as text out and text in; no input or output of their own."""
