"""Rules for personal data: pseudonyms, masks, erased numbers, and how long months are kept. It deletes nothing."""
