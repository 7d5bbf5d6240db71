"""What an export's file is, how it comes to be, and where it lies to be fetched."""
