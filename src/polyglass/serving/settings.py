"""What people gave for the server in, one checked `ServeConfig` out; flags win over the environment.

Names, types and limits come from `config.py` through `options.py`, as for all other options: `serve.port` is
`POLYGLASS_SERVE_PORT` and `--set serve.port=5001`.
"""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from polyglass.config import Section, ServeConfig
from polyglass.errors import ConfigError
from polyglass.options import Option, options_of, show
from polyglass.settings import Given
from polyglass.spelling import did_you_mean

_PREFIX = "POLYGLASS_SERVE_"


class _Schema(Section):
    serve: ServeConfig = ServeConfig()


def serve_options() -> Mapping[str, Option]:
    """Return every setting of the server by name ("serve.port")."""
    return options_of(_Schema)


def resolve_serve(*, environment: Mapping[str, str], flags: Sequence[Given]) -> ServeConfig:
    """Merge environment and flags; a later flag wins. Raises ConfigError with one line for each mistake."""
    options = serve_options()
    variables = {option.variable: option.name for option in options.values()}
    found = {name: value for name, value in environment.items() if name.startswith(_PREFIX) and value.strip()}
    wrong = [
        f"unknown environment variable {name}{did_you_mean(name, variables, otherwise='.')}"
        for name in found
        if name not in variables
    ]
    given = [Given(variables[name], value, f"environment {name}") for name, value in found.items() if name in variables]
    given += flags
    for item in flags:
        if item.name not in options:
            hint = did_you_mean(item.name, options, otherwise=". polyglass serve --settings lists them all.")
            wrong.append(f"unknown setting {item.name} (from {item.origin}){hint}")
    if wrong:
        raise ConfigError("\n".join(wrong))
    return _checked({item.name: item for item in given})


def _checked(chosen: Mapping[str, Given]) -> ServeConfig:
    options = serve_options()
    values = {
        options[name].field: options[name].parse(item.value) if isinstance(item.value, str) else item.value
        for name, item in chosen.items()
    }
    try:
        return ServeConfig.model_validate(values, strict=True)
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            name = f"serve.{problem['loc'][0]}"
            said = f"{name} = {show(values[options[name].field])} (from {chosen[name].origin})"
            lines.append(f"{said}: must be {options[name].rule}; the default is {show(options[name].default)}.")
        raise ConfigError("\n".join(lines)) from None
