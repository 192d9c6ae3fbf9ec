"""What every command needs: a parser, errors, environment variables, a stopwatch."""
