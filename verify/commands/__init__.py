"""The subcommands of `verify`, one module each: `run(arguments) -> exit code`."""
