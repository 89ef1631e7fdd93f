"""From class averages to templates; subsets of micrographs and particles."""
