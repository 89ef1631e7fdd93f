"""A RELION project on disk.

Standard library and Python 3.6 syntax only: these modules also run on login nodes.
"""
