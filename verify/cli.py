"""The command `verify`: parses arguments, calls one subcommand, turns errors into exit codes.

0 all well, 1 something refuted (or a mistake not refuted), 2 input could not be read, 3 an error of ours.
"""

from __future__ import annotations

import argparse
import importlib
import sys

_COMMANDS = (
    "run", "check", "watch", "show", "status", "experiment", "train", "ledger", "ids", "history", "diff", "new", "fmt",
    "question", "doctor", "site",
)  # fmt: skip
_DESCRIPTION = """The theory of diffusion models with executable verification.

With no command: judge what is missing or stale, run the quick experiments, build the site."""
_EXAMPLES = """examples:
  verify                        everything, then open site/index.html
  verify check derivation.md    judge a derivation of your own
  verify watch derivation.md    judge it at every save
  verify status                 where every claim stands

exit codes: 0 all well, 1 something refuted or a mistake not refuted, 2 unreadable input, 3 our own error"""


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    """The parser; only the chosen subcommand's module is imported for its arguments."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("verify", description=_DESCRIPTION, epilog=_EXAMPLES, formatter_class=raw)
    parser.add_argument("--version", action="store_true", help="print the version and leave")
    commands = parser.add_subparsers(dest="command", metavar="command")
    for name in _COMMANDS:
        module = importlib.import_module(f"verify.commands.{name}") if chosen in (name, None) else None
        sub = commands.add_parser(
            name, help=module.HELP if module else "", formatter_class=raw,
            description=module.HELP if module else "", epilog=module.EXAMPLES if module else "",
        )  # fmt: skip
        if module:
            module.add_arguments(sub)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    from verify.experiments.registry import UnknownExperiment
    from verify.language.errors import LanguageError

    words = sys.argv[1:] if arguments is None else arguments
    chosen = next((word for word in words if word in _COMMANDS), None)
    parsed = _parser(chosen).parse_args(words)
    if parsed.version:
        from importlib.metadata import version

        print(version("verified-diffusion"))
        return 0
    try:
        if parsed.command is None:
            from verify.commands import everything

            return everything.run()
        return importlib.import_module(f"verify.commands.{parsed.command}").run(parsed)
    except (LanguageError, UnknownExperiment) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; what was judged is kept in the ledger", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception:
        import traceback

        print("internal error; please report it with the text below", file=sys.stderr)
        traceback.print_exc()
        return 3


if __name__ == "__main__":
    sys.exit(main())
