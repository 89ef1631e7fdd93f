"""The only callers of an FFT."""
