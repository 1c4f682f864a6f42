"""Settings: `gengfu.toml`, `GENGFU_…` variables, files of secrets and `--set`, with the source of each value."""

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from typing_extensions import override

from ops.errors import SettingsError

PREFIX = "GENGFU_"
# Read by the tests and by the process that starts the roles, not settings of a service.
NOT_SETTINGS = ("GENGFU_TEST_", "GENGFU_CONFIG")

MAX_WORKERS = 16  # of ingest; broker and database are the limit long before

Port = Annotated[int, Field(ge=0, le=65535)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Broker(_Section):
    """The MQTT broker."""

    url: str = Field("mqtt://127.0.0.1:1883", description="mqtt:// or mqtts:// address of the broker")
    kind: Literal["nats", "mosquitto", "emqx"] = Field(
        "mosquitto", description="which broker it is; they differ in back-pressure, sharing and accounts"
    )
    ca_file: Path | None = Field(None, description="certificates that may sign the broker's, PEM; else the system's")
    cert_file: Path | None = Field(None, description="client certificate that is shown to the broker, PEM")
    key_file: Path | None = Field(None, description="private key of the client certificate, PEM")
    secret: SecretStr | None = Field(
        None, description="from which the passwords and client ids of gengfu's own accounts are derived"
    )
    max_ack_pending: int = Field(
        8000, ge=1, le=20_000, description="messages a broker may have under way to one lane of ingest"
    )
    nats_accounts_file: Path | None = Field(None, description="where the accounts for nats-server are written")
    nats_pid_file: Path | None = Field(None, description="nats-server's own pid file; it is told to reload")
    mosquitto_password_file: Path | None = Field(None, description="where the accounts for mosquitto are written")
    mosquitto_acl_file: Path | None = Field(None, description="where the access list for mosquitto is written")
    mosquitto_pid_file: Path | None = Field(None, description="mosquitto's own pid file; it is told to reload")
    store_dir: Path | None = Field(
        None, description="folder in which the broker keeps its queues, on the gateway's machine; its disk is watched"
    )

    @field_validator("url")
    @classmethod
    def _scheme(cls, url: str) -> str:
        if not url.startswith(("mqtt://", "mqtts://")):
            raise ValueError("must begin with mqtt:// or mqtts://, such as mqtt://127.0.0.1:1883")
        return url


class Database(_Section):
    """PostgreSQL."""

    url: SecretStr = Field(
        SecretStr("postgresql://127.0.0.1:5432/gengfu"),
        description="postgresql:// address with user and password",
    )
    connections: int = Field(8, ge=2, le=100, description="connections of one role at the most")


class Http(_Section):
    """The HTTP API and console."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: Port = Field(8080, description="port to listen on; 0 takes a free one")
    public_url: str | None = Field(
        None,
        description="the address people use, when a proxy stands in front; https:// makes the cookie Secure",
    )


class Map(_Section):
    """What the console's map may load from elsewhere; by default nothing."""

    tiles: str | None = Field(
        None, description="address of map tiles, with {z}, {x} and {y}; browsers ask it for what they look at"
    )
    tiles_datum: Literal["wgs84", "gcj02", "bd09"] = Field("wgs84", description="datum in which the tiles are drawn")
    attribution: str | None = Field(None, description="whom to name on the map for the tiles")

    @field_validator("tiles")
    @classmethod
    def _template(cls, tiles: str | None) -> str | None:
        if tiles is None:
            return None
        if not all(part in tiles for part in ("{z}", "{x}", "{y}")):
            raise ValueError("must hold {z}, {x} and {y}, such as https://tiles.example.org/{z}/{x}/{y}.png")
        if not re.fullmatch(r"(https?://[A-Za-z0-9.-]+(:\d{1,5})?)?/(?!/)[^\s;,'\"]*", tiles):
            raise ValueError("must be an http:// or https:// address, or a path on this service that begins with /")
        return tiles


class Metrics(_Section):
    """Prometheus endpoints of the roles other than ops, on loopback; ops answers /metrics on its own port."""

    gateway_port: Port = Field(0, description="port of the gateway's metrics; 0 turns it off")
    ingest_port: Port = Field(0, description="port of ingest's metrics; 0 turns it off")
    rules_port: Port = Field(0, description="port of the rules' metrics; 0 turns it off")


class Storage(_Section):
    """How readings are kept."""

    engine: Literal["auto", "native", "timescale"] = Field(
        "auto", description="how readings are stored; auto takes TimescaleDB where the database has it"
    )
    retention_days: int = Field(
        90,
        ge=0,
        le=36_500,
        description="readings older than this are dropped and no longer accepted; 0 keeps for ever",
    )
    capacity_gb: int | None = Field(
        None, ge=1, description="room on the database's disk, for the forecast of `gengfu storage status`"
    )


class Ingest(_Section):
    """Batching on the way in."""

    workers: int = Field(
        1, ge=1, le=MAX_WORKERS, description="how many ingest workers share the load; they are named 1, 2, 3 and so on"
    )
    worker: str = Field("1", pattern=r"^[A-Za-z0-9_-]{1,32}$", description="this worker's name among its kind")
    batch_readings: int = Field(5000, ge=1, le=20_000, description="readings in a batch at the most")
    batch_bytes: int = Field(4 << 20, ge=1024, le=64 << 20, description="payload bytes in a batch at the most")
    batch_age_ms: int = Field(100, ge=1, le=5000, description="how long the first reading waits for others")
    allowance_burst: int = Field(
        100_000, ge=100, le=1_000_000_000, description="readings that one device may send at once to one worker's lane"
    )
    allowance_per_s: int = Field(
        50, ge=1, le=1_000_000, description="readings a second that refill what one device may send"
    )


class Rules(_Section):
    """The rules worker."""

    horizon_hours: int = Field(36, ge=1, le=24 * 14, description="how far ahead duties are planned")
    backfill_hours: int = Field(72, ge=1, le=24 * 30, description="after this long a verdict is final")
    notices: Literal["none", "missed", "all"] = Field(
        "all", description="of which alerts those who carry the devices are told unasked, when the duty is theirs"
    )


class Privacy(_Section):
    """What is withheld of people who are off duty."""

    enabled: bool = Field(True, description="whether fixes of carried devices from outside duty are withheld")
    margin_min: int = Field(15, ge=0, le=240, description="minutes before and after a shift that belong to it")
    call_min: int = Field(120, ge=1, le=720, description="minutes after an SOS or a check-in that count as duty")
    longest_h: int = Field(
        12, ge=1, le=72, description="hours after which an open dispatch or SOS is taken for forgotten"
    )
    held_h: int = Field(72, ge=2, le=168, description="hours after which what was withheld is dropped for good")


class Site(_Section):
    """The place that is watched."""

    zone: str = Field("Asia/Shanghai", description="IANA time zone of shifts and of what people read")
    language: Literal["zh-CN", "en"] = Field("zh-CN", description="language of what devices are told to show")

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{zone!r} is no IANA time zone; write it like Asia/Shanghai") from None
        return zone


def _data_home() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "gengfu"


class Settings(BaseSettings):
    """Everything that can be set; sources in falling rank: --set, environment, file, default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="_", env_nested_max_split=1, extra="forbid", frozen=True
    )

    data_dir: Path = Field(default_factory=_data_home, description="folder of the embedded services")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severity that is logged")
    broker: Broker = Broker()
    database: Database = Database()
    http: Http = Http()
    map: Map = Map()
    metrics: Metrics = Metrics()
    storage: Storage = Storage()
    ingest: Ingest = Ingest()
    rules: Rules = Rules()
    privacy: Privacy = Privacy()
    site: Site = Site()

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` merged counts, so that the origin shown is the origin used."""
        return (init_settings,)


@dataclass(frozen=True)
class Loaded:
    """Settings in force and, for each dotted key, where its value came from."""

    settings: Settings
    origins: dict[str, str]


def known_keys() -> dict[str, str]:
    """Every dotted key with its description, in the order of declaration."""
    keys = {}
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, _Section):
            for inner, its in field.annotation.model_fields.items():
                keys[f"{name}.{inner}"] = its.description or ""
        else:
            keys[name] = field.description or ""
    return keys


def variable(key: str) -> str:
    """The environment variable of a dotted key: `http.port` is `GENGFU_HTTP_PORT`."""
    return PREFIX + key.replace(".", "_").upper()


def load(*, file: Path | None = None, overrides: list[str] | None = None) -> Loaded:
    """Read all sources and check them.

    Args:
        file: a TOML file; without it `GENGFU_CONFIG`, else `gengfu.toml` in this folder when it exists.
        overrides: `key=value` texts, as given to --set.

    Raises:
        SettingsError: names the key, its source, what is wrong with it and which keys there are.
    """
    values: dict[str, Any] = {}
    origins = dict.fromkeys(known_keys(), "default")
    for source, found in (
        *_from_file(file),
        ("environment", _from_environment()),
        *_from_secret_files(),
        ("--set", _from_overrides(overrides or [])),
    ):
        for key, value in found.items():
            if key not in origins:
                raise SettingsError(_unknown(key, source))
            values[key] = value
            origins[key] = f"{source} {variable(key)}" if source == "environment" else source
    return Loaded(_validated(values, origins), origins)


def _validated(values: dict[str, Any], origins: dict[str, str]) -> Settings:
    nested: dict[str, Any] = {}
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[name] = value
    try:
        return Settings(**nested)
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_url=False, include_input=False):
            key = ".".join(str(part) for part in problem["loc"][:2])
            lines.append(f"{key} (from {origins.get(key, 'default')}): {problem['msg']}; {known_keys().get(key, '')}")
        raise SettingsError("\n".join(lines)) from None


def _unknown(key: str, source: str) -> str:
    shown = variable(key) if source == "environment" else key
    known = ", ".join(variable(k) if source == "environment" else k for k in known_keys())
    return f"{shown} (from {source}) is no setting; the known ones are: {known}"


def _from_file(file: Path | None) -> list[tuple[str, dict[str, Any]]]:
    named = file or (Path(os.environ["GENGFU_CONFIG"]) if os.environ.get("GENGFU_CONFIG") else None)
    path = named or Path("gengfu.toml")
    if not path.is_file():
        if named is None:
            return []
        raise SettingsError(f"there is no settings file {path}; give another with --config or GENGFU_CONFIG")
    try:
        return [(str(path), _flat(TomlConfigSettingsSource(Settings, path)()))]
    except OSError as error:
        raise SettingsError(f"cannot read the settings file {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None


def _from_environment() -> dict[str, Any]:
    files = secret_files()
    known = {variable(key) for key in known_keys()} | set(files)
    found = _flat(EnvSettingsSource(Settings)())
    for key in files.values():
        found.pop(f"{key}_file", None)
    for name in os.environ:
        if name.startswith(PREFIX) and name not in known and not name.startswith(NOT_SETTINGS):
            found[name.removeprefix(PREFIX).lower()] = os.environ[name]
    return found


def secret_files() -> dict[str, str]:
    """Variables that name a file with a secret in it, such as `GENGFU_DATABASE_URL_FILE`, with the key of each."""
    return {f"{variable(key)}_FILE": key for key in known_keys() if _is_secret(key)}


def _is_secret(key: str) -> bool:
    section, _, name = key.rpartition(".")
    model = Settings.model_fields[section].annotation if section else Settings
    fields = getattr(model, "model_fields", {})
    annotation = fields[name].annotation
    return SecretStr in (annotation, *get_args(annotation))


def _from_secret_files() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for name, key in secret_files().items():
        if not (path := os.environ.get(name)):
            continue
        if variable(key) in os.environ:
            raise SettingsError(f"both {variable(key)} and {name} are set; keep one of them")
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"cannot read {path}, which {name} names: {error}") from None
        if not value:
            raise SettingsError(f"{path}, which {name} names, is empty; write the secret into it")
        found.append((f"{path} ({name})", {key: value}))
    return found


def _flat(tree: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat.update({f"{name}.{inner}": inner_value for inner, inner_value in value.items()})
        else:
            flat[name] = value
    return flat


def _from_overrides(overrides: list[str]) -> dict[str, str]:
    found = {}
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise SettingsError(f"--set {text!r} is not key=value; write it like --set storage.retention_days=0")
        found[key.strip()] = value
    return found


def as_environment(settings: Settings) -> dict[str, str]:
    """The settings as variables, secrets included, for the role processes that `serve` starts."""
    environment = {}
    for key in known_keys():
        value = value_of(settings, key, masked=False)
        if value is not None:
            environment[variable(key)] = str(value)
    return environment


def value_of(settings: Settings, key: str, *, masked: bool = True) -> object:
    """The value in force of a dotted key; secrets show as stars unless asked otherwise."""
    value: object = settings
    for part in key.split("."):
        value = getattr(value, part)
    if isinstance(value, SecretStr):
        return "********" if masked else value.get_secret_value()
    return value
