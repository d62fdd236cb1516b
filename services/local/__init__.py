"""The embedded default: broker, index and all services in one process."""
