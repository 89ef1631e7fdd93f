"""What a job is: options, checks, commands, nodes. Standard library only."""
