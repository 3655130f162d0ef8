"""Graph models of TensorFlow.js: a topology in JSON with its weights beside it, run by torch."""
