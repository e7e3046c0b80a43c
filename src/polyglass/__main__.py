"""`python -m polyglass` is `polyglass`."""

from polyglass.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
