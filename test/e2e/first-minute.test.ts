// The first minute of a node, as a process on the embedded engine: no root, no Docker Engine needed.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { skepProgram } from "./support/daemon.js";
import { DockerHttp, eventually } from "./support/index.js";

const folder = mkdtempSync(join(tmpdir(), "skep-first-"));
const socket = join(folder, "skep.sock");
const http = new DockerHttp(socket);
let daemon: ChildProcess;

beforeAll(async () => {
  const flags = ["--data-dir", join(folder, "data"), "--host", `unix://${socket}`, "--engine", "embedded:"];
  const from = performance.now();
  daemon = spawn(process.execPath, [...skepProgram.slice(1), "daemon", ...flags], { stdio: "ignore" });
  await eventually(async () => (await http.get("/_ping")).status === 200, {
    what: "the daemon answers",
    withinMs: 5_000,
    everyMs: 5,
  });
  console.log(`from start to the first answer: ${Math.round(performance.now() - from)} ms`);
});

afterAll(async () => {
  const gone = new Promise((resolve) => daemon.once("exit", resolve));
  daemon.kill("SIGTERM");
  expect(await gone).toBe(0);
  rmSync(folder, { recursive: true });
});

test("the first service of a new swarm has version 11, as on a fresh Docker swarm", async () => {
  const address = "127.0.0.1:23771";
  await http.ok("POST", "/swarm/init", { body: { ListenAddr: address, AdvertiseAddr: address } });
  const spec = { Name: "first", TaskTemplate: { ContainerSpec: { Image: "busybox" } } };
  await http.ok("POST", "/services/create", { body: spec });
  const { json } = await http.ok("GET", "/services/first");
  expect(json).toMatchObject({ Version: { Index: 11 } });
});
