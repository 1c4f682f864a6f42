"""Makes the picture of the duty screen from a running demo: python -m tests.acceptance.picture DIR."""

import base64
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np

from tests.acceptance.browser import ROOT, Screen, browser, chromium

TARGET = ROOT / "docs" / "pictures" / "duty-screen.png"
COLOURS = 256  # a palette makes the file a third of the size; the screen has few colours, and thousands of their blends

# The browser itself unpacks its picture.
PIXELS = """async (picture) => {
  const image = await createImageBitmap(await (await fetch('data:image/png;base64,' + picture)).blob())
  const context = new OffscreenCanvas(image.width, image.height).getContext('2d')
  context.drawImage(image, 0, 0)
  const {data} = context.getImageData(0, 0, image.width, image.height)
  let text = ''
  for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768))
  return btoa(text)
}"""


def main(folder: Path) -> None:
    """Sign in, open the gravest alert, and write the picture."""
    line = json.loads((folder / "demo.json").read_text(encoding="utf-8"))
    with browser(chromium()) as running:
        screen = Screen(running, line, width=1600).signed_in()
        screen.page.click("[data-test=sound]")
        screen.page.wait_for_selector("[data-test=open-alerts] [data-alert]")
        screen.page.wait_for_timeout(3000)  # the map is drawn when it is drawn; nothing on the page says so
        picture = screen.page.screenshot()
        blank = running.new_page()
        pixels = base64.b64decode(blank.evaluate(PIXELS, base64.b64encode(picture).decode()))
        width, height = struct.unpack(">II", picture[16:24])
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_bytes(png(np.frombuffer(pixels, np.uint8).reshape(height, width, 4)[:, :, :3]))


def png(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bytes:
    """A PNG with a palette of the commonest colours; others become the nearest of these."""
    height, width, _ = pixels.shape
    flat = pixels.reshape(-1, 3)
    colours, where, counts = np.unique(flat, axis=0, return_inverse=True, return_counts=True)
    # by kinds of colour, not by colours: a purple dot must not yield to a thousand greys
    _, kind = np.unique(colours >> 4, axis=0, return_inverse=True)
    best_first = np.lexsort((-counts, kind))
    best = best_first[np.unique(kind[best_first], return_index=True)[1]]
    weight = np.bincount(kind, weights=counts)
    palette = colours[best[np.argsort(-weight[kind[best]])[:COLOURS]]]
    nearest = np.empty(len(colours), np.uint8)
    for start in range(0, len(colours), 4096):  # bounds the table of distances to 12 MB
        part = colours[start : start + 4096, None, :].astype(np.int32) - palette[None, :, :]
        nearest[start : start + 4096] = (part**2).sum(axis=2).argmin(axis=1)
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = nearest[where.reshape(height, width)]
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = [
        (b"IHDR", header),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
