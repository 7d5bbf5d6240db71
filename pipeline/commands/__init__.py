"""What `cdr` can do: a module for each command that is more than a call, and what they have in common."""
