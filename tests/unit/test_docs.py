"""The documentation says what there is, and nothing else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main
from prometheus_client import REGISTRY
from pydantic import SecretStr
from typer.core import TyperCommand, TyperGroup, TyperOption

import gateway.metrics  # noqa: F401  registers what it counts, like the two below
import ingest.metrics  # noqa: F401
import rules.metrics  # noqa: F401
from devices.codecs import codecs
from devices.plausibility import Flag
from devices.readings import Reading
from ops import cli
from ops.commands.codecs import DOES
from ops.http.metrics import Metrics
from ops.http.routes import discover
from ops.live.metrics import LiveMetrics
from ops.settings import Settings, known_keys, value_of, variable
from rules.catalog import catalog

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGES = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def sections(text: str, level: int) -> dict[str, str]:
    """Text below each heading of a level, up to the next heading of it or above; code marks are taken off."""
    found: dict[str, str] = {}
    heading = ""
    fenced = False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        depth = 0 if fenced else len(line) - len(line.lstrip("#"))
        if 0 < depth <= level:
            heading = line.lstrip("#").strip().replace("`", "") if depth == level else ""
            found.setdefault(heading, "")
        elif heading:
            found[heading] += line + "\n"
    found.pop("", None)
    return found


def rows(text: str) -> list[list[str]]:
    """Cells of all table rows whose first cell is code."""
    return [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| `")
    ]


def anchors(text: str) -> set[str]:
    """Names by which GitHub lets a heading be linked."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("source", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(source: Path) -> None:
    broken = []
    for link in LINK.findall(source.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (source.parent / name).resolve() if name else source
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    assert not broken


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (source.parent / link.partition("#")[0]).resolve()
        for source in PAGES
        for link in LINK.findall(source.read_text(encoding="utf-8"))
    }
    decisions = set((ROOT / "docs" / "decisions").glob("*.md"))  # the README links their folder
    assert [page for page in PAGES if page not in linked | decisions | {ROOT / "README.md"}] == []


def test_settings() -> None:
    documented = {cells[0].strip("`"): cells[1:3] for cells in rows(sections(page("settings"), 2)["All settings"])}
    assert list(documented) == list(known_keys())
    for key, (name, default) in documented.items():
        assert name == f"`{variable(key)}`"
        if key != "data_dir":  # it depends on the home folder
            value = value_of(Settings(), key, masked=False)
            assert default == ("none" if value is None else f"`{value}`"), key


def test_secret_settings_are_said_to_be_secret() -> None:
    secret = {key for key in known_keys() if isinstance(_raw(key), SecretStr)}
    assert "database.url" in secret
    text = {cells[0].strip("`"): cells[3] for cells in rows(sections(page("settings"), 2)["All settings"])}
    assert all("secret" in text[key] or "password" in text[key] for key in secret)


def _raw(key: str) -> Any:
    value: Any = Settings()
    for part in key.split("."):
        value = getattr(value, part)
    return value


def command_line() -> TyperGroup:
    cli._mount()
    group = typer.main.get_command(cli.app)
    assert isinstance(group, TyperGroup)
    return group


def commands(group: TyperGroup, path: str) -> Iterator[tuple[str, TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{path} {name}")
        else:
            assert isinstance(command, TyperCommand)
            yield f"{path} {name}", command


def test_commands_and_options() -> None:
    real = {
        name: {
            option
            for parameter in command.params
            if isinstance(parameter, TyperOption)
            for option in (*parameter.opts, *parameter.secondary_opts)
            if option.startswith("--")
        }
        for name, command in commands(command_line(), "gengfu")
    }
    documented = {}
    for name, text in sections(page("commands"), 3).items():
        synopsis = text.split("```")[1].strip()
        assert synopsis.startswith(name)
        documented[name] = set(OPTION.findall(synopsis))
    assert documented == real


def test_command_groups_stand_in_the_readme() -> None:
    text = sections((ROOT / "README.md").read_text(encoding="utf-8"), 2)["Commands"]
    documented = {name for cells in rows(text) for name in re.findall(r"`gengfu (\w+)`", cells[0])}
    assert documented == set(command_line().commands)


def test_make_targets() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    mentioned = {name for text in texts for name in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)}
    assert mentioned == set(phony[1].split())


def test_rules() -> None:
    headings = " ".join(re.findall(r"^#+ .*$", page("rules"), re.MULTILINE))
    assert {name for name in catalog() if not re.search(rf"\b{name}\b", headings)} == set()


def test_rule_settings() -> None:
    text = page("rules")
    missing = {
        f"{name}.{key}"
        for name, rule in catalog().items()
        for key in rule.settings.model_fields
        if f"`{key}`" not in text
    }
    assert missing == set()


def test_codecs() -> None:
    documented = sections(page("codecs"), 2)
    assert set(documented) == set(codecs())
    for name, codec in codecs().items():
        topics = {cells[0].strip("`"): cells[1] for cells in rows(documented[name])}
        assert topics == {topic.shown(): DOES[topic.use] for topic in codec.topics}


def test_routes() -> None:
    text = page("http")
    missing = [f"{route.method} {route.path}" for route in discover() if route.path not in text]
    assert missing == []


def test_reading_fields() -> None:
    documented = {
        name: {field for cells in rows(text) for field in re.findall(r"`(\w+)`", cells[0])}
        for name, text in sections(page("wire-contract"), 3).items()
        if name != "Examples"
    }
    real = {}
    for model in get_args(Reading):
        (kind,) = get_args(model.model_fields["type"].annotation)
        real[kind] = set(model.model_fields) - {"type", "boot", "seq"}
        documented[kind] |= {"t"}  # said once for all types
    assert documented == real


def test_flags() -> None:
    text = sections(page("wire-contract"), 2)["What is stored, and when it is confirmed"]
    documented = {cells[0].strip("`"): int(cells[1]) for cells in rows(text)}
    assert documented == {str(flag.name).lower(): flag.value for flag in Flag}


def test_reasons_for_refusal() -> None:
    documented = {cells[0].strip("`") for cells in rows(sections(page("wire-contract"), 2)["What is refused"])}
    assert documented == set(_refusal_reasons())


def _refusal_reasons() -> Iterator[str]:
    """Words given to `Refusal` in the source."""
    for package in ("devices", "ingest"):
        for module in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    place = {"Refusal": 0, "_refused": 1}.get(node.func.id)
                    if place is not None and isinstance(word := node.args[place], ast.Constant):
                        yield str(word.value)


def test_metrics_of_processes() -> None:
    documented = {cells[0].strip("`") for cells in rows(page("metrics")) if cells[0].startswith("`gengfu_")}
    metrics = Metrics()
    LiveMetrics(metrics.registry)
    real = {
        metric.name + ("_total" if metric.type == "counter" else "")
        for registry in (REGISTRY, metrics.registry)
        for metric in registry.collect()
        if metric.name.startswith("gengfu_")
    }
    assert real - documented == set()
