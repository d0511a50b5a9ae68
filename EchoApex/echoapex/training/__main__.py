"""``python -m echoapex.training RECIPE.toml --run DIR [--out MODEL_DIR] [--processes N]``."""

import sys

# Worker processes import `start_run` by name; they cannot import a module that was started as a script.
from .start_run import main

if __name__ == "__main__":
    sys.exit(main())
