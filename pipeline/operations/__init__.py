"""The loop: what is known of each month is gathered, the plan decides, and the operations act."""
