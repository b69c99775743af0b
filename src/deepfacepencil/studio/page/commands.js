// Makes the titles of buttons, the keys and the list in the help of one table of actions, which is in
// actions.js.
//
// An action is {name, label, keys, help, check, on, perform}: `keys` are as people say them, the first
// is shown in titles; `help` is its line in the list, for those that have keys; `check` is whether it
// can be done now; an action with `release` lasts while its button or key is held, and `stay` is what
// a tap on its button does instead; `on` is whether it holds, for those that are switched. A button of
// the page is an action's by data-action. Actions of one `line` share a line in the help.

const SPOKEN = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", " ": "Space" };

export class Actions {
  #all;
  #byKey = new Map();
  #buttons = [];

  constructor(all) {
    this.#all = all;
    for (const action of all) {
      for (const key of action.keys ?? []) this.#byKey.set(key.toLowerCase(), action);
    }
    const named = new Map(all.map((action) => [action.name, action]));
    for (const button of document.querySelectorAll("[data-action]")) {
      const action = named.get(button.dataset.action);
      const [key] = action.keys ?? [];
      if (button.querySelector("svg") || button.classList.contains("sign")) {
        button.setAttribute("aria-label", action.label);
      }
      if (action.keys) button.setAttribute("aria-keyshortcuts", action.keys.join(" "));
      button.title = key ? `${action.label} (${spoken(key).join(" ")})` : action.label;
      if (action.release) holds(button, action);
      else button.addEventListener("click", (event) => action.perform(event));
      this.#buttons.push([button, action]);
    }
  }

  /** Buttons say what can be done now, and what holds. */
  refresh() {
    for (const [button, { check, on }] of this.#buttons) {
      if (check) button.disabled = !check();
      if (on) button.setAttribute("aria-pressed", Boolean(on()));
    }
  }

  /** Performs what the key means; false if it means nothing here. */
  press(event) {
    const action = this.#meant(event);
    if (!action || (action.check && !action.check())) return false;
    return action.perform(event) !== false;
  }

  /** A key is let go: what lasted while it was held ends. */
  release(event) {
    this.#meant(event)?.release?.(event);
  }

  #meant(event) {
    const control = event.ctrlKey || event.metaKey;
    const shift = control && event.shiftKey ? "shift+" : "";
    return this.#byKey.get(`${control ? "ctrl+" : ""}${shift}${event.key.toLowerCase()}`);
  }

  /** The list of keys in the help. */
  list(place) {
    const lines = new Map();
    for (const { name, keys, help, label, line } of this.#all) {
      if (!keys) continue;
      const entry = lines.get(line ?? name) ?? { keys: [], text: help ?? label };
      entry.keys.push(...keys.filter((key) => key !== "=").slice(0, line ? 1 : 2));
      lines.set(line ?? name, entry);
    }
    for (const { keys, text } of lines.values()) {
      const item = document.createElement("div");
      const term = document.createElement("dt");
      for (const key of keys) {
        for (const part of spoken(key)) {
          term.append(Object.assign(document.createElement("kbd"), { textContent: part }), " ");
        }
      }
      item.append(term, Object.assign(document.createElement("dd"), { textContent: text }));
      place.append(item);
    }
  }
}

const TAP = 350; // milliseconds: who presses longer holds

/** Performs while a button is held; after a tap, or a click from the keyboard, it stays. */
function holds(button, action) {
  let since = null;
  button.addEventListener("pointerdown", (event) => {
    since = event.timeStamp;
    action.perform(event);
  });
  for (const kind of ["pointerup", "pointercancel", "pointerleave", "blur"]) {
    button.addEventListener(kind, (event) => {
      if (since === null) return;
      const tapped = kind === "pointerup" && event.timeStamp - since < TAP;
      since = null;
      if (tapped) action.stay();
      else action.release(event);
    });
  }
  button.addEventListener("click", ({ detail }) => detail === 0 && action.stay());
}

/** The keys of a combination as they are written on a keyboard. */
const spoken = (key) =>
  (key.length > 1 ? key.split(/\+(?=.)/) : [key]).map((part) =>
    SPOKEN[part] ?? (part.length === 1 ? part.toUpperCase() : part));
