"""The compose file says what gengfu has: settings, commands, files, one image for all roles."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml  # type: ignore[import-untyped]

from ops import cli
from ops.serve import ROLES
from ops.settings import Settings, known_keys, secret_files, variable

FOLDER = Path(__file__).parents[3] / "ops" / "deploy"
HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "run-in-production.md"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("gengfu:")}
MADE = ("./tls/", "./secrets/")  # by whoever runs it, as the how-to says
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def test_every_role_runs_and_the_schema_is_made_first() -> None:
    assert set(OURS) == {*ROLES, "migrate"}
    for name, service in OURS.items():
        assert service["command"] == (["migrate"] if name == "migrate" else ["run", name])
        if name != "migrate":
            assert service["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    cli._mount()
    group: Any = typer.main.get_command(cli.app)
    assert {service["command"][0] for service in OURS.values()} <= set(group.commands)


@pytest.mark.parametrize("name", sorted(OURS))
def test_settings_are_known_and_fit(name: str) -> None:
    given: dict[str, str] = OURS[name]["environment"]
    keys = {variable(key): key for key in known_keys()}
    assert set(given) <= set(keys) | set(secret_files())
    nested: dict[str, Any] = {}
    for key, value in given.items():
        if key in keys:
            section, _, setting = keys[key].rpartition(".")
            group = nested.setdefault(section, {}) if section else nested
            group[setting] = VARIABLE.sub(lambda found: found[3], str(value))
    Settings(**nested)


def test_secrets_are_files_and_nowhere_else() -> None:
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if key.endswith("_FILE") and str(value).startswith("/run/secrets/"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
            assert not re.search("PASSWORD$|SECRET$|_URL$", key) or key in (
                "GENGFU_BROKER_URL",
                "GENGFU_HTTP_PUBLIC_URL",
            )
    named = {name for service in SERVICES.values() for name in service.get("secrets", [])}
    assert named == set(COMPOSE["secrets"])
    how_to = HOW_TO.read_text(encoding="utf-8")
    for secret in COMPOSE["secrets"].values():
        assert secret["file"].removeprefix("./") in how_to


def test_what_is_mounted_is_there() -> None:
    how_to = HOW_TO.read_text(encoding="utf-8")
    used = set()
    for service in SERVICES.values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith(MADE):
                assert source.removeprefix("./") in how_to, source
            elif source.startswith("./"):
                assert (FOLDER / source).is_file(), source
            else:
                used.add(source)
    assert used == set(COMPOSE["volumes"])


def test_mosquitto_finds_what_its_configuration_names() -> None:
    configuration = (FOLDER / "mosquitto.conf").read_text(encoding="utf-8")
    paths = set(re.findall(r"^\w+ (/\S+?)/?$", configuration, re.MULTILINE))
    assert paths
    inside = [mount.split(":")[1] for mount in SERVICES["mosquitto"]["volumes"]]
    assert [path for path in paths if not any(path == place or path.startswith(f"{place}/") for place in inside)] == []
    gateway = SERVICES["gateway"]["environment"]
    for kind in ("PASSWORD", "ACL", "PID"):
        assert gateway[f"GENGFU_BROKER_MOSQUITTO_{kind}_FILE"] in paths
    # The signal to read its files again needs the same processes in view and the same user.
    assert SERVICES["gateway"]["pid"] == "service:mosquitto"
    assert re.search(r"useradd --uid 1883\b", (FOLDER / "Dockerfile").read_text(encoding="utf-8"))


def test_devices_and_people_reach_only_what_is_for_them() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"mosquitto": ["8883:8883"], "ops": ["${HTTP_BIND:-127.0.0.1}:8080:8080"]}


def test_each_service_is_watched_restarted_and_bounded() -> None:
    for name, service in SERVICES.items():
        assert service["restart"], name
        assert service["deploy"]["resources"]["limits"]["memory"], name
        assert name == "migrate" or service["healthcheck"]["test"][0] == "CMD"
        for other, condition in service.get("depends_on", {}).items():
            assert condition["condition"] != "service_healthy" or "healthcheck" in SERVICES[other]


def test_images_are_pinned_and_name_no_registry() -> None:
    images = {service["image"] for service in SERVICES.values()}
    images |= set(re.findall(r"^FROM (\S+)", (FOLDER / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE))
    for image in images:
        name, _, tag = image.partition(":")
        assert re.search(r"\d", tag), image
        assert "." not in name, image


def test_variables_are_explained() -> None:
    how_to = HOW_TO.read_text(encoding="utf-8")
    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    names = {found[1] for found in VARIABLE.finditer(text)}
    assert names == {"RETENTION_DAYS", "SITE_ZONE", "PUBLIC_URL", "HTTP_BIND"}
    assert [name for name in names if f"`{name}`" not in how_to] == []


def test_the_dockerfile_takes_what_there_is() -> None:
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    root = FOLDER.parents[1]
    assert re.findall(r"^COPY (?!--from)(\S+)", text, re.MULTILINE) == ["locks/run.txt", "."]
    assert (root / "locks" / "run.txt").is_file()
    assert "USER gengfu" in text.partition("FROM python")[2]
    build = SERVICES["ops"]["build"]
    assert (FOLDER / build["context"] / build["dockerfile"]).resolve() == FOLDER / "Dockerfile"
