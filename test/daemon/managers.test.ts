// Whole managers in this process: how they join, come and go, and what a crash on the way leaves.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openState, type State } from "../../src/daemon/state.js";
import { LocalNodes, type TestNode } from "../support/local_nodes.js";

/** What takes a tenth of it on a machine that has nothing else to do. */
const withinMs = { timeout: 15_000, interval: 20 };

let nodes: LocalNodes;
let first: TestNode;

beforeEach(async () => {
  nodes = new LocalNodes();
  first = await nodes.start();
  await first.init();
});
afterEach(() => nodes.close());

const managerOf = ({ node }: TestNode): string => {
  const state = node.state();
  return state.local === "active" ? state.manager : state.local;
};

/** The managers by what the leader says; a stalled machine may have made another of them lead. */
const reachable = (): number => {
  const leader = nodes.all.find(({ node }) => node.control() !== undefined);
  const managers = leader?.node.control()?.membership.managers().values() ?? [];
  return [...managers].filter(({ reachability }) => reachability === "reachable").length;
};

const idOf = ({ node }: TestNode): string => {
  const state = node.state();
  return "nodeId" in state ? state.nodeId : "";
};

test("a node that joins with a manager's token is a manager that can be asked when the join returns", async () => {
  const second = await nodes.start();
  await second.join(first, "manager");
  expect(managerOf(second)).toBe("ready");
  expect(second.node.leader()).toBeDefined();
  expect(second.node.quorum()).toMatchObject({ hasLeader: true });
  expect(second.node.localControl()?.view.cluster?.id).toBe(first.node.localControl()?.view.cluster?.id);
  await expect.poll(() => reachable(), withinMs).toBe(2);
});

test("one that does not say where it is finds out by itself", async () => {
  const second = await nodes.start();
  await second.join(first, "manager", { advertiseAddr: "" });
  const row = first.node.localControl()?.view.table("node").get(idOf(second));
  expect(row?.manager?.addr).toBe(second.addr);
});

describe("a crash while joining", () => {
  /** The process dies at its `nth` write of what it remembers; what is on disk by then stays. */
  function dyingAt(nth: number): (state: State) => State {
    let writes = 0;
    const died = (): Promise<never> => Promise.reject(new Error("the process died"));
    return (state) => ({
      ...state,
      setMembership: (membership) => (++writes >= nth ? died() : state.setMembership(membership)),
      clear: async () => {},
      removeManager: () => state.removeManager(),
    });
  }

  test.each([
    ["before it has a place in the consensus", 2],
    ["when its log has begun, before anybody knows of it", 3],
  ])("%s: it goes on when it is started again", async (_title, nth) => {
    const dies = await nodes.start(undefined, dyingAt(nth));
    await expect(dies.join(first, "manager")).rejects.toThrow("the process died");
    await dies.stop();
    const again = await nodes.start(dies.folder);
    await again.node.resume();
    await expect.poll(() => managerOf(again), withinMs).toBe("ready");
    await expect.poll(() => reachable(), withinMs).toBe(2);
  });

  test("before it remembers anything: it is of no swarm", async () => {
    const dies = await nodes.start(undefined, dyingAt(1));
    await expect(dies.join(first, "manager")).rejects.toThrow("the process died");
    await dies.stop();
    const again = await nodes.start(dies.folder);
    await again.node.resume();
    expect(again.node.state()).toEqual({ local: "inactive" });
  });
});

test("two of three are gone: the third goes on alone when it is forced to, with all it had, and another joins it", async () => {
  const [second, third] = [await nodes.start(), await nodes.start()];
  await second.join(first, "manager");
  await third.join(first, "manager");
  await expect.poll(() => reachable(), withinMs).toBe(3);
  const id = third.node.localControl()?.view.cluster?.id;
  await Promise.all([first.stop(), second.stop()]);
  const nodeId = idOf(third);
  expect(await third.init({ forceNewCluster: true })).toBe(nodeId);
  expect(third.node.control()?.view.cluster?.id).toBe(id);
  expect(reachable()).toBe(1);
  const again = await nodes.start(second.folder);
  await again.node.resume();
  await expect.poll(() => reachable(), withinMs).toBe(2);
});

test("a forced manager that died before it had written the others off goes on forcing at its next start", async () => {
  const [second, third] = [await nodes.start(), await nodes.start()];
  await second.join(first, "manager");
  await third.join(first, "manager");
  await expect.poll(() => reachable(), withinMs).toBe(3);
  await Promise.all([first.stop(), second.stop(), third.stop()]);
  // As the crash leaves it: the wish is written down, nothing else has happened.
  const state = await openState(third.folder, process.pid);
  const membership = await state.membership();
  if (membership) await state.setMembership({ ...membership, isForcing: true });
  await state.close();
  const again = await nodes.start(third.folder);
  await again.node.resume();
  await expect.poll(() => again.node.control() !== undefined, withinMs).toBe(true);
  expect(reachable()).toBe(1);
  await again.stop();
  const after = await openState(third.folder, process.pid);
  expect(await after.membership()).not.toHaveProperty("isForcing");
  await after.close();
});

test("only a manager can be forced to go on alone", async () => {
  const worker = await nodes.start();
  await worker.join(first, "worker");
  await expect(worker.init({ forceNewCluster: true })).rejects.toThrow(/only a manager's state/);
  expect(worker.node.state()).toMatchObject({ local: "active", manager: "no" });
});
