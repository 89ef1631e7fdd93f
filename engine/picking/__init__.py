"""From micrographs to coordinates."""
