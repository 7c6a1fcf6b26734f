// The unix sockets of the API: what a dead daemon left is replaced, what a living one serves is left alone.

import { lstat, mkdir, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { dirname } from "node:path";
import { SwarmError } from "../base/index.js";

const probeMs = 1_000;

/** Makes room for a socket at `path`. Fails when something else is there or another process serves it. */
export async function clearSocketPath(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o711 });
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket())
    throw new SwarmError("FailedPrecondition", `--host unix://${path}: there is a file that is no socket`);
  if (await isServed(path)) {
    throw new SwarmError("FailedPrecondition", `--host unix://${path}: another process serves this socket`);
  }
  await rm(path, { force: true });
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const settle = (served: boolean): void => {
      socket.destroy();
      resolve(served);
    };
    socket.setTimeout(probeMs, () => settle(true));
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}
