"""Tell someone: what an alarm says, what it must never say, and the channels that carry it."""
