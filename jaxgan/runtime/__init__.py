"""What surrounds every command: errors, environment variables, time."""
