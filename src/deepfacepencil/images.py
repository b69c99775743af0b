"""Reading photos and label maps: upright, 8 bits a channel, one line for what cannot be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from .budget import require_regular
from .errors import InputError

BACKDROP = (235, 235, 235)  # plain and light; what is transparent shows it


def read_photo(path: Path, size: int) -> Image.Image:
    """The photo at `path`, upright, RGB, size x size; what is transparent becomes backdrop.

    Raises InputError if it is not square or has more than 8 bits a channel.
    """
    with open_image(path) as image:
        if image.width != image.height:
            raise InputError(
                f"{path} is {image.width} x {image.height}; crop it square around the face"
            )
        image.draft("RGB", (size, size))
        photo = upright(image, path)
        if photo.width != size:
            photo = photo.resize((size, size), Image.Resampling.LANCZOS)
        return photo


def upright(image: Image.Image, path: Path) -> Image.Image:
    """The photo opened from `path`, turned as it was taken, RGB; what is transparent: BACKDROP.

    Raises InputError if it has more than 8 bits a channel.
    """
    if image.mode.startswith("I"):
        raise InputError(f"{path} has 16 bits a channel; save it with 8")
    photo = ImageOps.exif_transpose(image)
    if photo.has_transparency_data:
        person = photo.convert("RGBA")
        photo = Image.alpha_composite(Image.new("RGBA", person.size, BACKDROP), person)
    return photo.convert("RGB")


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """The image at `path`. Raises InputError for whatever is wrong with it, also in the block."""
    require_regular(path)
    try:
        with Image.open(path, formats=("JPEG", "PNG", "WEBP")) as image:
            yield image
    except InputError:
        raise
    except UnidentifiedImageError as problem:
        raise InputError(f"{path} is no JPEG, PNG or WebP image") from problem
    except Exception as problem:  # Pillow meets broken files with many kinds of errors
        reason = getattr(problem, "strerror", None) or problem
        raise InputError(f"{path} cannot be read ({reason})") from problem
