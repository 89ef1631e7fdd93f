"""Job definitions, the project on disk and the numerics of cryo-EM, without a user interface."""
