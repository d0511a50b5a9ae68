"""``python -m echoapex.training.view_head RECIPE.toml --run DIR``."""

import sys

from .teaching import main

if __name__ == "__main__":
    sys.exit(main())
