"""The built-in page and its API: a Starlette application over the ports, safe by default."""
