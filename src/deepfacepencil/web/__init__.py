"""The studio as a folder of files for any web host: the browser draws the photos itself."""
