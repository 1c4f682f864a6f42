"""Ports: remembered, and changed only when taken."""

import json
import socket
from pathlib import Path

from ops.embedded.ports import HOST, choose_ports, is_free

NAMES = ("postgres", "mqtt", "nats")


def test_ports_are_remembered(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first, said = choose_ports(file, names=NAMES)
    assert said == []
    assert len(set(first.values())) == 3
    assert all(is_free(port) for port in first.values())
    assert choose_ports(file, names=NAMES) == (first, [])


def test_a_taken_port_is_replaced_and_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first, _ = choose_ports(file, names=NAMES)
    with socket.create_server((HOST, first["mqtt"])):
        second, said = choose_ports(file, names=NAMES)
    assert second["mqtt"] != first["mqtt"]
    assert second["postgres"] == first["postgres"]
    assert said == [f"port {first['mqtt']} of mqtt has been taken by another program; mqtt is now at {second['mqtt']}"]
    assert json.loads(file.read_text()) == second


def test_a_spoilt_file_counts_as_empty(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    for text in ("{", "[1]", '{"mqtt": "x", "nats": 99999999}'):
        file.write_text(text)
        chosen, said = choose_ports(file, names=NAMES)
        assert sorted(chosen) == sorted(NAMES)
        assert said == []
