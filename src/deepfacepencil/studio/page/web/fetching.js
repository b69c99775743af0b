// The large files of the site, brought once and kept: the model and what runs it. They are stored
// compressed, so that every host serves them small, and named by what is in them.

const KEPT = "deepfacepencil-files";

/** What is in a file {address, bytes, whole} (its size as it comes, and unpacked); `told` hears how
 * many bytes more have come. */
export async function bring({ address, whole }, told) {
  const kept = await self.caches?.open(KEPT).catch(() => null);
  let packed = await (await kept?.match(address))?.blob();
  if (packed) {
    told(packed.size);
    const data = await unpacked(packed);
    if (data.byteLength === whole) return data;
    await kept.delete(address); // it was cut short
    told(-packed.size);
  }
  packed = await fetched(address, told);
  const data = await unpacked(packed);
  if (data.byteLength !== whole) throw new Error("A file of this site came in broken; try again.");
  // A browser that keeps nothing brings it again the next time.
  await kept?.put(address, new Response(packed)).catch(() => {});
  return data;
}

/** Forgets what is kept of other versions. */
export async function forgetOthers(addresses) {
  const kept = await self.caches?.open(KEPT).catch(() => null);
  const now = new Set(addresses);
  for (const { url } of (await kept?.keys()) ?? []) if (!now.has(url)) await kept.delete(url);
}

async function fetched(address, told) {
  const reply = await fetch(address);
  if (!reply.ok) throw new Error(`This site is not whole: ${new URL(address).pathname} is missing.`);
  const parts = [];
  const reader = reply.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts);
    parts.push(value);
    told(value.length);
  }
}

/** The bytes of a gzip file; of one that the host has unpacked already, as they are. */
async function unpacked(blob) {
  const head = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  if (head[0] !== 0x1f || head[1] !== 0x8b) return new Uint8Array(await blob.arrayBuffer());
  const plain = blob.stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(plain).arrayBuffer().catch(() => new ArrayBuffer(0)));
}
