"""The vocabulary and the register: readings, identity, codecs, plausibility, geometry; values and functions only."""
