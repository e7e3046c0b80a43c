"""Every error that a user can cause. The command line prints the message and exits with `exit_code`.

PolyglassError                 1   something went wrong
├── InputError                 2   what was given cannot be used
│   ├── ConfigError                an option has an impossible value or an unknown name
│   ├── DataError                  a corpus or text file is not what it should be
│   └── BundleError                a model folder is damaged, foreign or from another version
├── ShapeError                 1   a tensor of the wrong shape was handed to the model
├── LockedError                3   another run is using this folder
├── OutOfSpaceError            4   the disk is full or cannot be written
└── TrainingUnhealthyError     5   training cannot go on (loss or gradients are not finite)

A message says the rule, the value and the remedy:
"model.d_model must be a multiple of model.num_heads, but 500 is not a multiple of 8. Try 496 or 504."
"""

EXIT_INTERNAL = 70  # a bug of ours: any exception that is not a PolyglassError
EXIT_INTERRUPTED = 130  # Ctrl-C; state is saved
EXIT_TERMINATED = 143  # SIGTERM; state is saved


class PolyglassError(Exception):
    """Something went wrong that the user can do something about."""

    exit_code = 1


class InputError(PolyglassError):
    """What was given (flag, file, folder) cannot be used."""

    exit_code = 2


class ConfigError(InputError):
    """An option has an impossible value or an unknown name."""


class DataError(InputError):
    """A corpus or text file is not what it should be."""


class BundleError(InputError):
    """A model folder is damaged, foreign or from another version."""


class ShapeError(PolyglassError):
    """A tensor of the wrong shape was handed to the model."""


class LockedError(PolyglassError):
    """Another run is using this folder."""

    exit_code = 3


class OutOfSpaceError(PolyglassError):
    """The disk is full or cannot be written."""

    exit_code = 4


class TrainingUnhealthyError(PolyglassError):
    """Training cannot go on: loss or gradients are not finite."""

    exit_code = 5
