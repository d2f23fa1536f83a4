"""Measurements, side by side with what they are compared to, in one run. Not part of the package."""
