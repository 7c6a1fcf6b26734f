// Three members in one process over real links: elects, writes, fails over, catches up.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { ConfChangeKind } from "../../src/gen/skep/raft/v1/raft.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { testSwarm } from "../support/pki.js";
import { eventually } from "../support/raft_links.js";
import { Lines, line } from "../support/raft_member.js";
import { memberOverLinks, type OverLinks, type OverLinksOptions } from "../support/raft_over_links.js";
import { type TcpProxy, tcpProxy } from "../support/tcp_proxy.js";

interface Manager extends OverLinks {
  readonly id: number;
  readonly machine: Lines;
  /** What the others reach it by. */
  readonly proxy: TcpProxy;
}

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function aCluster(options: Partial<OverLinksOptions> = {}) {
  const root = mkdtempSync(join(tmpdir(), "skep-raft-cluster-"));
  closers.push(() => rmSync(root, { recursive: true, force: true }));
  const swarm = await testSwarm();
  const managers = new Map<number, Manager>();
  const addrs = new Map<number, string>();
  const add = async (id: number): Promise<Manager> => {
    const machine = new Lines();
    const credentials = await swarm.node(`manager-${id}`, { role: NodeRole.MANAGER });
    const overLinks = await memberOverLinks({
      ...{ id, path: join(root, String(id)), credentials, machine, bootstrap: id === 1, join: id !== 1 },
      addressOf: (other) => addrs.get(other),
      ...options,
    });
    const manager = { ...overLinks, id, machine, proxy: await tcpProxy(overLinks.server.port) };
    managers.set(id, manager);
    addrs.set(id, manager.proxy.addr);
    closers.push(() => (managers.has(id) ? kill(manager) : undefined));
    return manager;
  };
  /** Nobody reaches it, nothing of it is heard. */
  const kill = async (manager: Manager): Promise<void> => {
    managers.delete(manager.id);
    await Promise.all([manager.proxy.close(), manager.close()]);
  };
  const leader = (): Manager | undefined =>
    [...managers.values()].find(({ member }) => member.status.role === "leader");
  const write = async (text: string): Promise<void> => {
    for (;;) {
      const { member } = leader() ?? {};
      if (member !== undefined && (await tried(member.propose(line(text), member.status.term)))) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const first = await add(1);
  await eventually(() => first.member.status.applied).toBeGreaterThan(0);
  for (const id of [2, 3]) {
    await add(id);
    // A learner votes once it has caught up: not every answer is yes.
    for (const kind of [ConfChangeKind.ADD_LEARNER, ConfChangeKind.ADD_VOTER]) {
      const { member } = first;
      await eventually(() => member.proposeConfChange({ kind, member: id }, member.status.term)).toBeUndefined();
    }
  }
  return { managers, add, kill, leader, write };
}

const tried = (promise: Promise<void>): Promise<boolean> => promise.then(() => true).catch(() => false);
const linesOf = (managers: Iterable<Manager>): string[][] => [...managers].map(({ machine }) => machine.lines);

test("members join over the links, and all apply what is written", async () => {
  const { managers, write } = await aCluster();
  for (let at = 0; at < 50; at += 1) await write(`line ${at}`);
  const wanted = Array.from({ length: 50 }, (_, at) => `line ${at}`);
  await eventually(() => linesOf(managers.values())).toEqual([wanted, wanted, wanted]);
});

test("a leader that is gone is replaced at once: its broken connection and the probe tell", async () => {
  const { managers, kill, leader, write } = await aCluster({ electionTicks: 100 });
  await write("before");
  const first = leader();
  if (!first) throw new Error("there is no leader");
  const { term } = first.member.status;
  const atMs = performance.now();
  await kill(first);
  await write("after");
  const tookMs = performance.now() - atMs;
  expect(leader()?.member.status.term).toBeGreaterThan(term);
  await eventually(() => linesOf(managers.values())).toEqual([
    ["before", "after"],
    ["before", "after"],
  ]);
  // An election by ticks alone would take 10 to 20 s.
  expect(tookMs).toBeLessThan(5_000);
});

test("connections that break while all live change neither leader nor term", async () => {
  const { managers, leader, write } = await aCluster();
  const before = leader()?.member.status.term;
  for (let round = 0; round < 20; round += 1) {
    for (const { proxy } of managers.values()) proxy.breakAll();
    await write(`round ${round}`);
  }
  expect([leader()?.id, leader()?.member.status.term]).toEqual([1, before]);
});

test("a member that fell behind what the log still has is given a snapshot over the network", async () => {
  const { managers, add, kill, write } = await aCluster({
    snapshotEntries: 20,
    trailingEntries: 2,
    laggingEntriesMax: 2,
  });
  const third = managers.get(3);
  if (!third) throw new Error("there is no third manager");
  await kill(third);
  for (let at = 0; at < 100; at += 1) await write(`line ${at}`);
  const again = await add(3);
  await eventually(() => again.machine.lines.length).toBe(100);
  expect(again.machine.indexes.length).toBeLessThan(100);
});
