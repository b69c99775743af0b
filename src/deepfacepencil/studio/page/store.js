// Drawings kept in this browser: the one on the table, and the gallery of all earlier ones. They
// survive a reload and a restart of the server, and never leave the machine.

const open = new Promise((done, fail) => {
  const asked = indexedDB.open("deepfacepencil", 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore("drawings", { keyPath: "id" });
  asked.onsuccess = () => done(asked.result);
  asked.onerror = () => fail(asked.error);
});
open.catch(() => {});

async function ask(mode, question) {
  const transaction = (await open).transaction("drawings", mode);
  return new Promise((done, fail) => {
    const asked = question(transaction.objectStore("drawings"));
    transaction.oncomplete = () => done(asked.result); // only now is it on the disk
    transaction.onabort = () => fail(transaction.error);
  });
}

/** {id, changed, drawing, thumbnail (a Blob or null)} */
export const keep = (entry) => ask("readwrite", (store) => store.put(entry));
export const find = (id) => ask("readonly", (store) => store.get(id));
/** Another entry in the place of one, if it is there: nobody else writes between. */
export const change = (id, made) =>
  ask("readwrite", (store) => {
    const found = store.get(id);
    found.onsuccess = () => found.result && store.put(made(found.result));
    return found;
  });
export const forget = (id) => ask("readwrite", (store) => store.delete(id));
export const all = async () =>
  (await ask("readonly", (store) => store.getAll())).sort((a, b) => b.changed - a.changed);

export const newId = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;

/** Small choices, such as the theme: those of this window, else of the last one. A browser that
 * keeps nothing forgets them. */
export const choices = {
  get: (key, otherwise) => {
    try {
      return JSON.parse(sessionStorage.getItem(key) ?? localStorage.getItem(key)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  /** Whether this window chose it itself, before a reload. */
  isOfWindow: (key) => {
    try {
      return sessionStorage.getItem(key) !== null;
    } catch {
      return false;
    }
  },
  set: (key, value) => {
    try {
      sessionStorage.setItem(key, JSON.stringify(value));
      localStorage.setItem(key, JSON.stringify(value));
    } catch {
      // Private windows may refuse.
    }
  },
};
