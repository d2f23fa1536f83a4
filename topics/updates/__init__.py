"""From one run to the next: what came, where it belongs, when to fit again, and who keeps which id."""
