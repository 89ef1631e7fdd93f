"""The command line: the twin of the terminal interface, without Textual."""
