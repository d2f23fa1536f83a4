"""`python -m topics` is `topics`."""

from topics.cli import main

main()
