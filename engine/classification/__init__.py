"""From particles to class averages."""
