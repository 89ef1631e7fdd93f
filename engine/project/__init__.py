"""A RELION project on disk. Standard library and Python 3.6 syntax only: it also runs on login nodes."""
