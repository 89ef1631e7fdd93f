"""One program per job type: read, compute, write."""
