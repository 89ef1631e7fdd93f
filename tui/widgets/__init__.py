"""Widgets that draw line by line: tables, logs, charts, pictures."""
