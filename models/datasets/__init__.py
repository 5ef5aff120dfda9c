"""The data sets a model learns from: where each is had, what its licence allows, what is in it."""
