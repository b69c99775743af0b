"""Photo-realistic faces from freehand drawings, after the paper DeepFacePencil."""
