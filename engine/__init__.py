"""Jobs, the project on disk and the numerics of cryo-EM, without an interface."""
