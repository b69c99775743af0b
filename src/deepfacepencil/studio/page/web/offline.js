// The site without a network: a service worker keeps the page, and adds the headers that threads need
// where the host does not send them.

const SOON = 4_000; // milliseconds that threads are waited for at most

/** Registers the service worker; `tell` hears of newer versions. Null where there is none. */
export async function keepOffline(tell) {
  if (!navigator.serviceWorker) return null;
  let before = navigator.serviceWorker.controller; // the first one is no news
  try {
    const registered = await navigator.serviceWorker.register(new URL("../../sw.js", import.meta.url));
    navigator.serviceWorker.addEventListener("controllerchange", () => {
      if (before) tell("A newer version has come: load the page again to draw with it.");
      before = navigator.serviceWorker.controller;
    });
    return registered;
  } catch {
    return null; // a private window, or an address without https
  }
}

/** Loads the page once more where that gives it threads: nothing has been drawn yet. */
export async function isolated(offline) {
  if (self.crossOriginIsolated || !(await offline) || sessionStorage.getItem("isolated")) return;
  let touched = false;
  addEventListener("pointerdown", () => (touched = true), { once: true });
  const late = new Promise((done) => setTimeout(done, SOON));
  const controlled = new Promise((done) => {
    if (navigator.serviceWorker.controller) done(true);
    navigator.serviceWorker.addEventListener("controllerchange", () => done(true));
  });
  if (!(await Promise.race([controlled, late])) || touched) return;
  sessionStorage.setItem("isolated", "tried");
  location.reload();
  await new Promise(() => {}); // nothing is begun that the new page would begin again
}
