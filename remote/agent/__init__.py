"""The program that runs on the login node. Standard library, Python 3.6 syntax."""
