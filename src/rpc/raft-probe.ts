// A plain TCP connect that tells a process that is gone from one that lives (raft.md, "Timing").

import net from "node:net";
import type { Clock } from "../base/index.js";
import { hostAndPort } from "./address.js";

export type LinkProbe = "gone" | "alive" | "unknown";

/** A connection that a dying process's port still accepted is reset within this. */
const aliveMs = 3;
/** Name lookup and connect: no answer by then says nothing. */
const probeMs = 300;

/** Refused or reset: the process is gone. Accepted and still open after 3 ms: it lives. Anything else says nothing. */
export function probe(addr: string, clock: Clock): Promise<LinkProbe> {
  return new Promise((resolve) => {
    const socket = net.connect({ ...hostAndPort(addr), noDelay: true });
    const settle = (outcome: LinkProbe): void => {
      late.cancel();
      socket.destroy();
      resolve(outcome);
    };
    const late = clock.after(probeMs, () => settle("unknown"));
    socket.once("connect", () => {
      // A loop that stood still runs timers before it looks at sockets: the reset may be there already.
      clock.after(aliveMs, () => setImmediate(() => settle("alive")));
    });
    socket.once("end", () => settle("unknown"));
    socket.on("error", ({ code }: NodeJS.ErrnoException) =>
      settle(code === "ECONNREFUSED" || code === "ECONNRESET" ? "gone" : "unknown"),
    );
    // Without a reader neither end nor reset is seen.
    socket.resume();
  });
}
