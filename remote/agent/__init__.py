"""The program that runs on the login node. Standard library and Python 3.6 syntax only."""
