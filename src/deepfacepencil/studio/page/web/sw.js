// The service worker of the site: the page from the browser's own store, by version, and the headers
// that threads and a strict policy need, whatever the host sends. Before this line, `deepfacepencil
// web` writes SITE: {version, files, policy}.

const KEPT = `deepfacepencil-page-${SITE.version}`;
const HEADERS = {
  "Content-Security-Policy": SITE.policy,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};
const whole = (name) => new URL(name, registration.scope).href;

addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(keep());
});

async function keep() {
  const kept = await caches.open(KEPT);
  await Promise.all(SITE.files.map(async (name) => {
    // What has its content in its name may come from anywhere nearer.
    const fresh = /-[0-9a-f]{10}\b/.test(name) ? "default" : "no-cache";
    const reply = await fetch(whole(name), { cache: fresh });
    if (!reply.ok) throw new Error(`${name}: ${reply.status}`);
    await kept.put(whole(name), reply);
  }));
}

addEventListener("activate", (event) => event.waitUntil(takeOver()));

async function takeOver() {
  await clients.claim();
  // The version before may be open in a window still; those before it are not.
  const pages = (await caches.keys()).filter((name) => name.startsWith("deepfacepencil-page-"));
  const others = pages.filter((name) => name !== KEPT);
  for (const name of others.slice(0, -1)) await caches.delete(name);
}

addEventListener("fetch", (event) => {
  const { request } = event;
  const ours = request.method === "GET" && request.url.startsWith(registration.scope);
  if (ours) event.respondWith(answer(request));
});

async function answer(request) {
  const address = request.mode === "navigate" ? whole("./") : request.url.split("#")[0];
  const mine = await (await caches.open(KEPT)).match(address);
  const found = mine ?? (await caches.match(address)) ?? (await fetch(request));
  if (found.type === "opaque" || !found.status) return found;
  const headers = new Headers(found.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  const { status, statusText } = found;
  return new Response(found.body, { status, statusText, headers });
}
