"""STAR, MRC and SPIDER files in and out."""
