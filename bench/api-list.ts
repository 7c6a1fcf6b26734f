// Lists a second over the unix socket with eight clients on kept connections: what proxies and dashboards do all day.
// Docker's own figure on two cores is 12,000. Run: node scripts/run.mjs bench/api-list.ts
// On a busy machine the server's own processor time per request says more than the rate.

import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { apiFixture, type Fixture, serviceBody, workerId } from "../test/api/fixture.js";
import { playTasks } from "../test/api/puppet.js";

const clients = 8;
const seconds = 3;
const services = 5;
const replicas = 3;
const paths = ["/v1.41/_ping", "/v1.41/services", "/v1.41/services?status=true", "/v1.41/nodes", "/v1.41/tasks"];

const socketPath = process.env["API_LIST_SOCKET"];
if (socketPath) await drive(socketPath);
else await measure();

/** The server has this process to itself, the clients share another. */
async function measure(): Promise<void> {
  const fixture = await apiFixture();
  await fill(fixture);
  const child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, API_LIST_SOCKET: fixture.socketPath } });
  let before = process.cpuUsage();
  child.on("message", ({ path, requests, rate }: { path: string; requests: number; rate: number }) => {
    const { user, system } = process.cpuUsage(before);
    const each = (user + system) / requests;
    process.stdout.write(
      `GET ${path.padEnd(30)} ${Math.round(rate).toLocaleString("en").padStart(8)} requests/s   ${each.toFixed(1)} µs of the server's processor each\n`,
    );
    before = process.cpuUsage();
    child.send("next");
  });
  await once(child, "exit");
  await fixture.close();
}

async function fill(fixture: Fixture): Promise<void> {
  const filled = new AbortController();
  playTasks(fixture.store, fixture.writer, workerId, filled.signal).catch(() => undefined);
  for (let at = 0; at < services; at++) {
    await fixture.ask(
      "POST",
      "/services/create",
      serviceBody(`web${at}`, { Mode: { Replicated: { Replicas: replicas } } }),
    );
  }
  while (fixture.store.table("task").size < services * replicas)
    await new Promise((resolve) => setTimeout(resolve, 10));
  filled.abort();
}

async function drive(path: string): Promise<void> {
  for (const url of paths) {
    const { requests, rate } = await run(path, url);
    process.send?.({ path: url, requests, rate });
    await once(process, "message");
  }
  process.disconnect();
}

async function run(path: string, url: string): Promise<{ readonly requests: number; readonly rate: number }> {
  const startedAt = performance.now();
  const until = startedAt + seconds * 1000;
  const counts = await Promise.all(Array.from({ length: clients }, () => client(path, url, until)));
  const requests = counts.reduce((sum, count) => sum + count, 0);
  return { requests, rate: (requests * 1000) / (performance.now() - startedAt) };
}

/** Bytes and a length, nothing more: node's own client would be the bottleneck. */
async function client(path: string, url: string, until: number): Promise<number> {
  const socket = connect({ path });
  const request = `GET ${url} HTTP/1.1\r\nHost: docker\r\nUser-Agent: bench\r\n\r\n`;
  let count = 0;
  while (performance.now() < until) {
    socket.write(request);
    await answer(socket);
    count += 1;
  }
  socket.destroy();
  return count;
}

function answer(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    let have = 0;
    let wanted = Number.POSITIVE_INFINITY;
    const read = (chunk: Buffer): void => {
      if (have === 0) {
        const head = chunk.toString("latin1", 0, chunk.indexOf("\r\n\r\n") + 4);
        wanted = head.length + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      }
      have += chunk.length;
      if (have < wanted) return;
      socket.off("data", read);
      resolve();
    };
    socket.on("data", read);
  });
}
