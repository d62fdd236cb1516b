"""The services; each is a package that knows the shared rooms and no other service."""
