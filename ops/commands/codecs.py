"""`gengfu codecs` and `gengfu decode`: what formats are read, and what a frame of one says."""

import json
import sys
from binascii import Error as HexError
from binascii import unhexlify
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.table import Table

from ops.commands.options import JsonOption, wide_console

app = typer.Typer()

DOES = {"publish": "publishes", "subscribe": "subscribes"}
MAX_LINE = 4 << 20  # bytes; far above any frame, so that a wrong file does not fill the memory


@app.command("codecs")
def codecs_command(as_json: JsonOption = False) -> None:
    """List the wire formats that gengfu reads, with their topics."""
    from devices.codecs import codecs

    if as_json:
        listed = [
            {
                "codec": codec.name,
                "title": codec.title,
                "topics": [{"topic": t.pattern, "device": DOES[t.use], "lane": t.lane} for t in codec.topics],
            }
            for codec in codecs().values()
        ]
        typer.echo(json.dumps(listed, ensure_ascii=False))
        return
    table = Table("codec", "format", "topic", "the device", box=None, pad_edge=False)
    for codec in codecs().values():
        for index, topic in enumerate(codec.topics):
            names = (codec.name, codec.title) if index == 0 else ("", "")
            table.add_row(*names, topic.shown(), DOES[topic.use])
    wide_console().print(table)


@app.command("decode")
def decode_command(
    codec: Annotated[str, typer.Argument(help="Name of a codec, as `gengfu codecs` lists them.")],
    file: Annotated[str, typer.Argument(help="File with one frame a line, or - for standard input.")],
    topic: Annotated[
        str | None, typer.Option("--topic", help="Topic that the frames were published to; default: the codec's first.")
    ] = None,
    as_hex: Annotated[bool, typer.Option("--hex", help="Each line is a frame in hexadecimal.")] = False,
) -> None:
    """Decode captured frames: one JSON reading a line on stdout, and on stderr why a line cannot be decoded.

    Exit status: 0 all decoded, 1 at least one line could not be.

    Example: echo '{"type":"position","t":1795248000000,"lat":30.69,"lon":111.28}' | gengfu decode native -
    """
    from devices.codecs import codec_named

    reader = codec_named(codec)
    where = topic or next(pattern.topic("device") for pattern in reader.topics if pattern.use == "publish")
    failed = 0
    for number, line in _lines(file):
        try:
            frame = unhexlify("".join(line.decode("ascii").split())) if as_hex else line
        except (HexError, UnicodeDecodeError) as error:
            failed += 1
            typer.echo(f"line {number}: hex: not hexadecimal: {error}; write pairs of 0-9 and a-f", err=True)
            continue
        decoded = reader.decode(where, frame)
        for stamped in decoded.readings:
            content = stamped.reading.model_dump(mode="json", exclude_none=True)
            typer.echo(json.dumps({"device": stamped.device, **content}, ensure_ascii=False))
        for reason in decoded.ignored:
            typer.echo(f"line {number}: ignored: {reason}", err=True)
        for refusal in decoded.refusals:
            failed += 1
            typer.echo(f"line {number}: {refusal.reason}: {refusal.detail}", err=True)
    if failed:
        raise typer.Exit(1)


def _lines(file: str) -> Iterator[tuple[int, bytes]]:
    if file == "-":
        yield from _numbered(sys.stdin.buffer)
        return
    try:
        with Path(file).open("rb") as opened:
            yield from _numbered(opened)
    except OSError as error:
        typer.echo(
            f"gengfu: cannot read {file}: {error.strerror}; give a file of frames, or - for standard input", err=True
        )
        raise typer.Exit(1) from None


def _numbered(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(MAX_LINE):
        number += 1
        if frame := line.strip():
            yield number, frame
