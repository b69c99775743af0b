// The first minute: one line a tool, shown until it is done or sent away; when all are, for good.

import { choices } from "./store.js";

/** `steps` are [id of a control, text]. It answers with what is told of a control that was used. */
export function tour(place, steps) {
  if (choices.get("toured", false)) return () => {};
  const text = place.querySelector("p");
  const [next, never] = place.querySelectorAll("button");
  let at = -1;
  const point = (on) => document.getElementById(steps[at]?.[0])?.classList.toggle("pointed", on);
  const end = () => {
    point(false);
    at = steps.length;
    place.hidden = true;
    choices.set("toured", true);
  };
  const go = () => {
    point(false);
    at += 1;
    if (at === steps.length) return end();
    point(true);
    text.textContent = steps[at][1];
    next.textContent = at + 1 < steps.length ? "Next" : "Done";
    next.setAttribute("aria-label", `${next.textContent}, ${at + 1} of ${steps.length}`);
  };
  next.onclick = go;
  never.onclick = end;
  place.hidden = false;
  go();
  return (id) => steps[at] && steps[at][0] === id && go();
}
