import { describe, expect, test } from "vitest";
import { Connector } from "../../src/daemon/connector.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { VirtualClock } from "../../src/sim/index.js";

const credentials = { root: "", certificate: "", key: "", nodeId: "n", clusterId: "c", role: NodeRole.MANAGER };

function aConnector(managers: readonly string[], own = { addr: "", leaderAddr: "" }) {
  const clock = new VirtualClock();
  const dialled: string[] = [];
  const down = new Set<string>();
  const remembered: (readonly string[])[] = [];
  const connector = new Connector(managers, {
    ...{ clock, credentials: () => credentials, local: () => undefined, own: () => own },
    changed: (addrs) => remembered.push(addrs),
    open: ({ addr }) => {
      dialled.push(addr);
      if (down.has(addr)) return Promise.reject(new Error(`${addr} is down`));
      const done = (): Promise<void> => Promise.resolve();
      return Promise.resolve({ send: done, messages: (async function* () {})(), publish: done, close: done });
    },
  });
  const connect = async (): Promise<readonly string[]> => {
    dialled.length = 0;
    await connector.connect(new AbortController().signal).catch(() => undefined);
    return [...dialled];
  };
  return { connector, connect, down, remembered };
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
});
