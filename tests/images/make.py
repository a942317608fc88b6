"""Makes the pictures of this folder that no encoder of the tests can write; needs Pillow. `make.py FOLDER`."""

import io
import math
import sys
from pathlib import Path

from PIL import Image, ImageChops

RED, BLUE = (200, 40, 40), (30, 60, 190)


def flag(left: tuple, right: tuple, mode: str) -> Image.Image:
    """32 x 16: one color left, one right."""
    picture = Image.new(mode, (32, 16), left)
    picture.paste(right, (16, 0, 32, 16))
    return picture


def jpeg(picture: Image.Image, **how) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", **how)
    return out.getvalue()


def without_adobe(data: bytes) -> bytes:
    """Leaves Adobe's segment out, which Pillow writes first."""
    assert data[2:4] == b"\xff\xee"
    return data[:2] + data[4 + int.from_bytes(data[4:6], "big") :]


def ycck() -> bytes:
    """Luma, chroma and black as Adobe's programs write them: Pillow writes the planes, the segment says what they are."""
    inverse = lambda color: tuple(255 - channel for channel in color)
    planes = flag(inverse(RED), inverse(BLUE), "RGB").convert("YCbCr").split()
    planes = [ImageChops.invert(plane) for plane in planes] + [Image.new("L", (32, 16), 0)]
    data = bytearray(jpeg(Image.merge("CMYK", planes), quality=92))
    at = data.index(b"Adobe") + 11
    data[at] = 2
    return bytes(data)


def main() -> None:
    folder = Path(sys.argv[1])
    inks = flag(RED, BLUE, "RGB").convert("CMYK")
    (folder / "cmyk-adobe.jpg").write_bytes(jpeg(inks, quality=92))
    # Pillow writes light for ink, as Adobe does; turned once more, it writes ink.
    (folder / "cmyk-ink.jpg").write_bytes(without_adobe(jpeg(ImageChops.invert(inks), quality=92)))
    paper = flag((255, 0, 0, 0), (0, 0, 0, 0), "CMYK")
    (folder / "cmyk-cyan.jpg").write_bytes(jpeg(paper, quality=92))
    (folder / "ycck-adobe.jpg").write_bytes(ycck())

    waves = Image.new("RGB", (160, 120))
    wave = lambda at, length: int(128 + 90 * math.sin(at / length))
    waves.putdata([(wave(x, 9), wave(y, 7), wave(x + y, 11)) for y in range(120) for x in range(160)])
    (folder / "progressive.jpg").write_bytes(jpeg(waves, quality=85, progressive=True, subsampling=2))
    (folder / "halves.jpg").write_bytes(jpeg(waves, quality=85, subsampling=2))
    (folder / "restarts.jpg").write_bytes(jpeg(waves, quality=80, subsampling=1, restart_marker_rows=1))

    frames = [Image.new("RGB", (16, 16), (0, 160, 0)), Image.new("RGB", (16, 16), RED)]
    frames[0].save(folder / "animated.webp", save_all=True, append_images=frames[1:], duration=100, lossless=True)


if __name__ == "__main__":
    main()
