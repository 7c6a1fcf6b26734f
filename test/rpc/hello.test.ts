import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import { Hello } from "../../src/rpc/hello.js";

const sockets: net.Socket[] = [];
const servers: net.Server[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** What a server reads of one that connects so. */
async function helloOf(
  connect: (port: number) => net.Socket,
): Promise<{ hello: Hello; said: Promise<unknown>; socket: net.Socket }> {
  const server = net.createServer({ noDelay: true }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const bound = server.address();
  const peer = connect(bound !== null && typeof bound === "object" ? bound.port : 0).on("error", () => {});
  const [socket] = (await once(server, "connection")) as [net.Socket];
  sockets.push(peer, socket);
  let tell = (): void => {};
  const said = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const hello = new Hello(socket, () => tell());
  return { hello, said, socket };
}

const overTls =
  (...ALPNProtocols: string[]) =>
  (port: number) =>
    tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols });

describe("a hello", () => {
  test("names what is to be spoken", async () => {
    const { hello, said } = await helloOf(overTls("skep-raft/1", "h2"));
    await said;
    expect(["skep-raft/1", "h2", "skep-raft/11", "raft/1"].map((name) => hello.offers(name))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test("is said once it is whole, and can be read again", async () => {
    let peer: net.Socket | undefined;
    const { hello, said, socket } = await helloOf((port) => (peer = net.connect(port, "127.0.0.1")));
    let isSaid = false;
    void said.then(() => (isSaid = true));
    peer?.write(Buffer.from("160301000401", "hex"));
    await once(socket, "data");
    expect(isSaid).toBe(false);
    peer?.write(Buffer.from("000001", "hex"));
    await said;
    hello.putBack();
    expect((socket.read() as Buffer).toString("hex")).toBe("160301000401000001");
  });

  test("that is none is said, too: the handshake fails of it", async () => {
    const { said } = await helloOf((port) =>
      net.connect(port, "127.0.0.1").on("connect", function (this: net.Socket) {
        this.write("GET / HTTP/1.1");
      }),
    );
    await said;
  });

  test("ends with its connection: who goes is noticed before any answer", async () => {
    const { said, socket } = await helloOf(overTls("h2"));
    await said;
    const closed = once(socket, "close");
    sockets[0]?.destroy();
    await closed;
  });
});
