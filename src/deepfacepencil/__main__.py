"""`python -m deepfacepencil` is `deepfacepencil`."""

from .cli import main

main()
