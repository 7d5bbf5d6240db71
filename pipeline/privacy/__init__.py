"""What must not be shown, or not be kept: pseudonyms, erased numbers, months that expire."""
