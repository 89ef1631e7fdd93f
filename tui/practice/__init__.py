"""A practice cluster: a simulated Slurm on which jobs fail on purpose."""
