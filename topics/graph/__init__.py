"""Who is near whom: neighbours, the weights between them, and communities."""
