// Where this page's photos come from and who opens its files: one line to change, and nothing else.
// A source has `photos` and `opening` as in local.js: photos from this machine's studio, or web.js:
// photos that the page makes itself.

export { opening, photos } from "./local.js";
