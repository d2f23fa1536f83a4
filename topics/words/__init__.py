"""What topics are told by: texts to words, counts, and the words of a topic."""
