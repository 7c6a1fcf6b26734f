// A TCP proxy on loopback whose connections a test can break, hold up, or refuse.

import { once } from "node:events";
import net from "node:net";

export interface TcpProxy {
  readonly addr: string;
  /** Pairs of connections open now, and bytes that have come from the client's side. */
  readonly open: number;
  readonly bytes: number;
  /** Resets every connection there is. */
  breakAll(): void;
  /** Reads nothing more from the client's side until it is called with false. */
  hold(isHeld: boolean): void;
  close(): Promise<void>;
}

export async function tcpProxy(port: number): Promise<TcpProxy> {
  const pairs = new Set<readonly [net.Socket, net.Socket]>();
  let bytes = 0;
  let isHeld = false;
  const server = net.createServer({ noDelay: true }, (client) => {
    const target = net.connect({ host: "127.0.0.1", port, noDelay: true });
    const pair = [client, target] as const;
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on("error", end).on("close", end);
    client.on("data", (data) => {
      bytes += data.length;
    });
    client.pipe(target).pipe(client);
    if (isHeld) client.pause();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  return {
    addr: `127.0.0.1:${bound !== null && typeof bound === "object" ? bound.port : 0}`,
    get open() {
      return pairs.size;
    },
    get bytes() {
      return bytes;
    },
    breakAll: () => {
      for (const [client, target] of pairs) {
        client.resetAndDestroy();
        target.resetAndDestroy();
      }
    },
    hold: (held) => {
      isHeld = held;
      for (const [client] of pairs) {
        if (held) client.pause();
        else client.resume();
      }
    },
    close: async () => {
      for (const [client, target] of pairs) {
        client.destroy();
        target.destroy();
      }
      server.close();
      await once(server, "close");
    },
  };
}
