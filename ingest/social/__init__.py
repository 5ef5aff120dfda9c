"""Social sources, each with the same small shape; people appear only as a keyed HMAC."""
