// Every picture that is saved says that it is made: for people, and as IPTC's DigitalSourceType for
// programs. The same words as in provenance.py; a test compares them.

export const SOFTWARE = "DeepFacePencil";
export const SENTENCE = "Synthetic: made from a drawing, shows nobody.";
export const XMP_KEY = "XML:com.adobe.xmp";
export const XMP =
  '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>' +
  '<x:xmpmeta xmlns:x="adobe:ns:meta/">' +
  '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
  '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"' +
  ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"' +
  ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"' +
  ` xmp:CreatorTool="${SOFTWARE}"` +
  " Iptc4xmpExt:DigitalSourceType=" +
  '"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia">' +
  `<dc:description><rdf:Alt><rdf:li xml:lang="x-default">${SENTENCE}</rdf:li></rdf:Alt>` +
  "</dc:description></rdf:Description></rdf:RDF></x:xmpmeta>" +
  '<?xpacket end="w"?>';
