import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Membership, openState } from "../../src/daemon/state.js";

let dir = "";
beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), "skep-state-")), "data");
});
afterEach(() => rm(join(dir, ".."), { recursive: true, force: true }));

const membership: Membership = {
  format: 1,
  clusterId: "c",
  nodeId: "n",
  listenAddr: "0.0.0.0:2377",
  advertiseAddr: "10.0.0.1:2377",
  dataPathAddr: "10.0.0.1",
  managers: [],
};

it("remembers the membership, in a folder only its owner reads", async () => {
  const first = await openState(dir, 7);
  await first.setMembership(membership);
  await first.close();
  const second = await openState(dir, 8);
  expect(await second.membership()).toEqual(membership);
  expect((await stat(dir)).mode & 0o777).toBe(0o700);
  await second.close();
});

it("a second daemon is told who holds the folder", async () => {
  const holder = await openState(dir, 4711);
  await expect(openState(dir, 4712)).rejects.toThrow(
    `${dir} is in use by the daemon with process id 4711: stop it first, or give --data-dir`,
  );
  await holder.close();
  await (await openState(dir, 4713)).close();
});

it("what an init that was cut off left behind is removed at the next start", async () => {
  await mkdir(join(dir, "certificates"), { recursive: true });
  await writeFile(join(dir, "certificates", "swarm-node.key"), "old");
  await (await openState(dir, 1)).close();
  expect(await readdir(dir)).toEqual(["node"]);
});

it("leaving forgets everything but the folder itself", async () => {
  const state = await openState(dir, 1);
  await state.setMembership(membership);
  await mkdir(join(dir, "raft"));
  await state.clear();
  expect(await state.membership()).toBeUndefined();
  await state.close();
  expect(await readdir(dir)).toEqual(["node"]);
});

it("a newer format is refused, naming what is needed", async () => {
  const state = await openState(dir, 1);
  await state.setMembership({ ...membership, format: 2 as 1 });
  await expect(state.membership()).rejects.toThrow("has format 2, this Skep reads up to 1: run a newer Skep");
  await state.close();
});
