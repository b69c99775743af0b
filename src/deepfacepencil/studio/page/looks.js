// The panels that say what a drawing cannot: looks (colours, age, sex) and how free the network is in
// each part of the face. Everything in them can be left to the network, and undone.

import { PARTS } from "./face.js";

// Colours to choose from, as a hand would name them.
const SWATCHES = {
  skin: {
    label: "Skin",
    colours: ["#f3d6c2", "#e6b899", "#d29b77", "#b97d56", "#96603f", "#74472f", "#573422", "#3d251b"],
  },
  hair: {
    label: "Hair",
    colours: ["#1d1a19", "#3a2a20", "#5f412b", "#8a4526", "#a8743f", "#cfa667", "#9a9690", "#dedad2"],
  },
  lips: {
    label: "Lips",
    colours: ["#d9a08f", "#c98273", "#b5655c", "#a64750", "#9c2b38", "#7d2439", "#6f4338", "#50302a"],
  },
  clothes: {
    label: "Clothes",
    colours: ["#1c1d20", "#4b4f57", "#9aa0a8", "#eeece6", "#27406b", "#2f5d4a", "#8d2f2f", "#c99a3a"],
  },
  backdrop: {
    label: "Backdrop",
    colours: ["#f4f2ee", "#c9c8c4", "#77787a", "#2a2b2e", "#9db8cf", "#a9bda0", "#d5b9a4", "#6b5a72"],
  },
};
const SCALES = {
  age: { label: "Age", low: "young", high: "old", min: 15, max: 85, step: 1, middle: 35 },
  sex: { label: "Sex", low: "female", high: "male", min: -1, max: 1, step: 0.05, middle: 0 },
};
const NETWORK = "Left to the network";

const make = (kind, about = {}, ...inside) => {
  const element = Object.assign(document.createElement(kind), about);
  element.append(...inside);
  return element;
};

/** The drawing with a value in `field`, {appearance} or {parts}; without it for null. */
function having(drawing, field, name, value) {
  const { [name]: _, ...rest } = drawing[field];
  return { ...drawing, [field]: value === null ? rest : { ...rest, [name]: value } };
}

/** Shows a value of the drawing at every change of it: preview while a hand is at it, then commit. */
class Panel {
  #editor;
  #shows = [];

  constructor(editor) {
    this.#editor = editor;
    editor.addEventListener("change", () => this.refresh());
  }

  refresh() {
    for (const show of this.#shows) show(this.#editor.drawing);
  }

  colour(list, name, { label, colours }) {
    const field = "appearance";
    const set = (value) => this.#editor.commit(having(this.#editor.settled, field, name, value));
    const buttons = colours.map((colour, i) => {
      const button = make("button", { type: "button", className: "swatch", title: colour });
      button.style.setProperty("background", colour);
      button.setAttribute("aria-label", `${label} ${i + 1} of ${colours.length}, ${colour}`);
      button.onclick = () => set(colour);
      return button;
    });
    const own = make("input", { type: "color", title: "Any colour" });
    own.setAttribute("aria-label", `${label}, any colour`);
    own.addEventListener("input", () =>
      this.#editor.preview(having(this.#editor.settled, field, name, own.value)));
    own.addEventListener("change", () => this.#editor.commit());
    const free = this.#free(() => set(null), label);
    this.#row(list, label, make("div", { className: "swatches" }, ...buttons, own), free);
    this.#shows.push(({ appearance }) => {
      const said = appearance[name];
      buttons.forEach((button, i) => button.setAttribute("aria-pressed", colours[i] === said));
      own.value = said ?? "#808080";
      own.classList.toggle("said", Boolean(said) && !colours.includes(said));
      free.setAttribute("aria-pressed", said === undefined);
    });
  }

  scale(list, field, name, { label, low, high, min, max, step, middle }) {
    const slider = make("input", { type: "range", min, max, step });
    slider.setAttribute("aria-label", `${label}, from ${low} to ${high}`);
    const value = () => (field === "parts" && Number(slider.value) === 0 ? null : Number(slider.value));
    slider.addEventListener("input", () =>
      this.#editor.preview(having(this.#editor.settled, field, name, value())));
    slider.addEventListener("change", () => this.#editor.commit());
    const free = this.#free(
      () => this.#editor.commit(having(this.#editor.settled, field, name, null)), label,
    );
    const ends = [low, high].map((text) => make("span", { textContent: text }));
    this.#row(list, label, make("div", { className: "scale" }, ends[0], slider, ends[1]), free);
    this.#shows.push((drawing) => {
      const said = drawing[field][name];
      slider.value = said ?? middle;
      slider.classList.toggle("unsaid", said === undefined);
      free.setAttribute("aria-pressed", said === undefined);
    });
  }

  #free(perform, label) {
    const button = make("button", { type: "button", className: "free", textContent: "Auto" });
    button.setAttribute("aria-label", `${label}: ${NETWORK.toLowerCase()}`);
    button.title = NETWORK;
    button.onclick = perform;
    return button;
  }

  #row(list, label, control, free) {
    const row = make("div", { className: "row" }, make("b", { textContent: label }), control, free);
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", label);
    list.append(row);
  }
}

/** Fills the two panels. */
export function fillPanels(editor, looks, freedom) {
  const panel = new Panel(editor);
  for (const [name, about] of Object.entries(SWATCHES)) panel.colour(looks, name, about);
  for (const [name, about] of Object.entries(SCALES)) panel.scale(looks, "appearance", name, about);
  for (const { name, label } of PARTS) {
    const about = { label, low: "keep", high: "help", min: -1, max: 1, step: 0.05, middle: 0 };
    panel.scale(freedom, "parts", name, about);
  }
  panel.refresh();
}
