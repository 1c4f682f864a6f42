"""One rule per file, found by discovery: each module ends with `rule: Rule = …`."""

import pkgutil
from functools import cache
from importlib import import_module

from pydantic import BaseModel

from rules.rule import Rule


@cache
def catalog() -> dict[str, Rule]:
    """Every rule there is, by name.

    Raises:
        TypeError: a module here has no `rule`, or one that does not bear the module's name.
    """
    found: dict[str, Rule] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.ispkg or module.name.startswith("_"):
            continue
        rule = getattr(import_module(f"{__name__}.{module.name}"), "rule", None)
        if not isinstance(rule, Rule) or rule.name != module.name:
            raise TypeError(f"rules/catalog/{module.name}.py must end with a rule named {module.name!r}")
        found[rule.name] = rule
    return found


def settings_models() -> dict[str, type[BaseModel]]:
    """The settings model of each rule, by the rule's name."""
    return {name: rule.settings for name, rule in catalog().items()}
