"""From coordinates to particles."""
