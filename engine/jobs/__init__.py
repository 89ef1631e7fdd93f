"""What a job is: its options, its checks, its commands, its nodes. Light: standard library only."""
