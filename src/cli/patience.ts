// Nothing waits silently: after a second, one line on stderr says for what.
import type { World } from "./world.js";

const patienceMs = 1000;

export async function patiently<T>(what: string, work: Promise<T>, world: World): Promise<T> {
  const done = new AbortController();
  const grumble = world.sleep(patienceMs, done.signal).then(
    () => world.stderr.write(`waiting for ${what} …\n`),
    () => undefined,
  );
  try {
    return await work;
  } finally {
    done.abort();
    await grumble;
  }
}
