"""Masks and rotations."""
