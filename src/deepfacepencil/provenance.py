"""Every photo says that it is made: a sentence for people, and XMP for programs.

The property is IPTC's DigitalSourceType, trainedAlgorithmicMedia: "created by a model". The page
writes the same into what it saves (studio/page/provenance.js).
"""

from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .files import atomic_path

SOFTWARE = "DeepFacePencil"
SENTENCE = "Synthetic: made from a drawing, shows nobody."
DRAWING_KEY = "deepfacepencil-drawing"  # of the text in a PNG that holds its drawing as SVG
XMP_KEY = "XML:com.adobe.xmp"  # of the text in a PNG
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    f' xmp:CreatorTool="{SOFTWARE}"'
    " Iptc4xmpExt:DigitalSourceType="
    '"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia">'
    f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{SENTENCE}</rdf:li></rdf:Alt>'
    "</dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"
    '<?xpacket end="w"?>'
)


class Made(Image.Image):
    """A made photo in memory, which says so wherever it is saved.

    What is made of it in turn, by `resize` and the like, is an Image as any other.
    """

    @classmethod
    def of(cls, pixels: NDArray[np.uint8]) -> "Made":
        """The photo with these pixels, (H, W, 3)."""
        photo = Image.fromarray(pixels)
        photo.__class__ = cls
        return cast(Made, photo)

    def save(self, fp: Any, format: str | None = None, **params: Any) -> None:
        # A writer leaves out the words that are not its own.
        said = {**saved_as("JPEG"), **saved_as("PNG"), **params, "format": format}
        super().save(fp, **said)


def saved_as(kind: str, drawing: str | None = None) -> dict[str, Any]:
    """What `Image.save` is given for a made photo of this kind: PNG, WEBP or JPEG.

    A PNG can hold its `drawing`, an SVG of the studio.
    """
    if kind != "PNG":
        return {"format": kind, "xmp": XMP.encode()}
    about = PngInfo()
    about.add_text("Software", SOFTWARE)
    about.add_text("Description", SENTENCE)
    about.add_itxt(XMP_KEY, XMP)
    if drawing is not None:
        about.add_itxt(DRAWING_KEY, drawing)
    return {"format": kind, "pnginfo": about}


def save_made(image: Image.Image, path: Path, drawing: str | None = None) -> None:
    """Write a made photo, or a picture with some in it, as PNG; with its drawing as SVG inside."""
    with atomic_path(path) as temporary:
        image.save(temporary, **saved_as("PNG", drawing))
