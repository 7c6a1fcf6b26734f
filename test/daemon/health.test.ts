import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openMetrics } from "../../src/base/host/index.js";
import { type Check, serveHealth } from "../../src/daemon/health.js";
import { lagMaxMs, watchLoopLag } from "../../src/daemon/lag.js";
import { VirtualClock } from "../../src/sim/index.js";

const metrics = openMetrics();
let healthy: Check = { ok: true };
let ready: Check = { ok: true };
let server: Server;

beforeEach(async () => {
  server = await serveHealth({ host: "127.0.0.1", port: 0 }, { metrics, healthy: () => healthy, ready: () => ready });
});
afterEach(() => server.close());

async function get(path: string): Promise<{ status: number; text: string }> {
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, text: await response.text() };
}

it("/healthz and /readyz say ok, or why not", async () => {
  expect(await get("/healthz")).toEqual({ status: 200, text: "ok\n" });
  healthy = { ok: false, reason: "the event loop is 7000 ms late" };
  ready = { ok: false, reason: "this node is inactive" };
  expect(await get("/healthz")).toEqual({ status: 503, text: "the event loop is 7000 ms late\n" });
  expect(await get("/readyz")).toEqual({ status: 503, text: "this node is inactive\n" });
});

it("/metrics shows what was counted, once per name however often it was asked for", async () => {
  for (let at = 0; at < 2; at += 1) metrics.counter("skep_test_total", "Tests.", ["kind"]).add(2, { kind: "unit" });
  metrics.histogram("skep_test_seconds", "How long.").observe(0.2);
  const { status, text } = await get("/metrics");
  expect(status).toBe(200);
  expect(text).toContain('skep_test_total{kind="unit"} 4');
  expect(text).toContain('skep_test_seconds_bucket{le="0.25"} 1');
});

it("any other path says which there are", async () => {
  expect(await get("/")).toEqual({ status: 404, text: "try /metrics, /healthz or /readyz\n" });
});

it("an address that is taken is refused by its flag's name", async () => {
  const { port } = server.address() as AddressInfo;
  const modules = { metrics, healthy: () => healthy, ready: () => ready };
  await expect(serveHealth({ host: "127.0.0.1", port }, modules)).rejects.toThrow(
    `--metrics-addr 127.0.0.1:${port}: listen EADDRINUSE`,
  );
});

it("the loop's lag is seen while it is still standing still", async () => {
  const clock = new VirtualClock();
  let stalledMs = 0;
  const late = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic() + stalledMs,
    after: clock.after.bind(clock),
  };
  const lag = watchLoopLag(late, metrics);
  await clock.advance(1_000);
  expect(lag.lastMs()).toBe(0);
  stalledMs = lagMaxMs + 100;
  expect(lag.lastMs()).toBeGreaterThanOrEqual(lagMaxMs);
  lag.stop();
});
