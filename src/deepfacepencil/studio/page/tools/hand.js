// The hand: moves the paper, not what is on it.

export const hand = {
  name: "hand",

  start: (paper, { screen }) => ({ last: screen }),

  go(paper, gesture, { screen }) {
    paper.panBy(screen[0] - gesture.last[0], screen[1] - gesture.last[1]);
    gesture.last = screen;
  },

  finish() {},
};
