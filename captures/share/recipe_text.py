"""A recipe as YAML: how `precompute build` reads it."""

from decimal import Decimal
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """SafeDumper, with numbers as `captures.notation.strict_yaml` reads them: without an exponent."""

    def represent_plain_float(self, number: float) -> yaml.Node:
        """Write a float with all its digits."""
        return self.represent_scalar("tag:yaml.org,2002:float", format(Decimal(repr(number)), "f"))


_Dumper.add_representer(float, _Dumper.represent_plain_float)


def recipe_yaml(tree: dict[str, Any]) -> str:
    """A recipe's JSON types as YAML, which `precompute.profile.loading.load` reads back."""
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
