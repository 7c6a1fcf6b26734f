import { describe, expect, test } from "vitest";
import type { Random } from "../../src/base/index.js";
import { Connector } from "../../src/daemon/connector.js";
import { RefusalKind } from "../../src/gen/skep/v1/dispatcher.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { NotTheLeader } from "../../src/rpc/index.js";
import { SeededRandom, VirtualClock } from "../../src/sim/index.js";
import { Refused } from "../../src/worker/index.js";

const credentials = { root: "", certificate: "", key: "", nodeId: "n", clusterId: "c", role: NodeRole.MANAGER };

function aConnector(
  managers: readonly string[],
  own = { addr: "", leaderAddr: "" },
  random: Random = new SeededRandom(1),
) {
  const clock = new VirtualClock();
  const dialled: string[] = [];
  const down = new Set<string>();
  /** Managers that do not lead, and whom they name. */
  const following = new Map<string, string>();
  const failures: unknown[] = [];
  const remembered: (readonly string[])[] = [];
  const connector = new Connector(managers, {
    ...{ clock, random, credentials: () => credentials, local: () => undefined, own: () => own },
    changed: (addrs) => remembered.push(addrs),
    open: ({ addr }) => {
      dialled.push(addr);
      if (down.has(addr)) return Promise.reject(new Error(`${addr} is down`));
      const leaderAddr = following.get(addr);
      if (leaderAddr !== undefined) return Promise.reject(new NotTheLeader(leaderAddr));
      const done = (): Promise<void> => Promise.resolve();
      return Promise.resolve({ send: done, messages: (async function* () {})(), publish: done, close: done });
    },
  });
  const connect = async (): Promise<readonly string[]> => {
    dialled.length = 0;
    await connector.connect(new AbortController().signal, 1).catch((error: unknown) => failures.push(error));
    return [...dialled];
  };
  return { connector, connect, down, following, failures, remembered };
}

describe("an agent looks for its leader", () => {
  test("among the managers it knows, until one answers; who failed is asked last from then on", async () => {
    const { connector, connect, down } = aConnector(["a", "b", "c"]);
    down.add("a");
    expect(await connect()).toEqual(["a", "b"]);
    expect(connector.managers).toEqual(["b", "c", "a"]);
    expect(await connect()).toEqual(["b"]);
  });

  test("where it is sent, and elsewhere when that one is gone", async () => {
    const { connector, connect, down } = aConnector(["a", "b", "c"]);
    await connect();
    connector.leaderIs("c");
    expect(await connect()).toEqual(["c"]);
    down.add("c");
    expect(await connect()).toEqual(["c", "a"]);
    expect(await connect()).toEqual(["a"]);
  });

  test("at the next manager, when one knows no leader", async () => {
    const { connector, connect } = aConnector(["a", "b"]);
    expect(await connect()).toEqual(["a"]);
    connector.leaderIs("");
    expect(await connect()).toEqual(["b"]);
  });

  test("where a manager that does not lead sends it, in the same breath", async () => {
    const { connect, following, failures } = aConnector(["a", "b", "c"]);
    following.set("a", "c");
    expect(await connect()).toEqual(["a", "c"]);
    expect(await connect()).toEqual(["c"]);
    expect(failures).toEqual([]);
  });

  test("and learns when those that answer know none: an election is under way", async () => {
    const { connect, down, following, failures } = aConnector(["a", "b", "c"]);
    down.add("a");
    for (const addr of ["b", "c"]) following.set(addr, "");
    expect(await connect()).toEqual(["a", "b", "c"]);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toBeInstanceOf(Refused);
    expect(failures[0]).toMatchObject({ refusal: { kind: RefusalKind.NOT_LEADER, leaderAddr: "" } });
  });

  test("not at its own manager, though another names that", async () => {
    const { connect, following } = aConnector(["me", "b", "c"], { addr: "me", leaderAddr: "" });
    following.set("b", "me");
    following.set("c", "me");
    expect(await connect()).toEqual(["b", "c"]);
  });

  test("where its own manager says, and never at its own manager that does not lead", async () => {
    const { connect } = aConnector(["me", "b", "c"], { addr: "me", leaderAddr: "c" });
    expect(await connect()).toEqual(["c"]);
    const alone = aConnector(["me"], { addr: "me", leaderAddr: "me" });
    expect(await alone.connect()).toEqual([]);
  });

  test("and remembers the managers a leader tells", async () => {
    const { connector, connect, remembered } = aConnector(["a"]);
    connector.managersAre([{ nodeId: "1", addr: "b" }]);
    connector.managersAre([{ nodeId: "1", addr: "b" }]);
    expect(remembered).toEqual([["b"]]);
    expect(await connect()).toEqual(["b"]);
  });

  test("each beginning with another one, so that not all ask the same", () => {
    const random = new SeededRandom(1);
    const first = Array.from({ length: 300 }, () => {
      const { connector } = aConnector([], undefined, random);
      connector.managersAre(["a", "b", "c"].map((addr) => ({ nodeId: addr, addr })));
      return connector.managers.join("");
    });
    const count = (order: string): number => first.filter((each) => each === order).length;
    for (const order of ["abc", "bca", "cab"]) expect(count(order)).toBeGreaterThan(70);
  });
});
