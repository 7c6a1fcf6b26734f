import { expect, test } from "vitest";
import { begun, MembershipRecord, moved, withoutManager } from "../../src/daemon/record.js";
import type { Membership } from "../../src/daemon/state.js";

const membership: Membership = {
  ...{ format: 1, clusterId: "c", nodeId: "n", listenAddr: "0.0.0.0:2377", advertiseAddr: "", dataPathAddr: "" },
  managers: ["a"],
};

/** Writes take as long as the test wants. */
function aRecord() {
  const writes: { readonly membership: Membership; readonly done: () => void }[] = [];
  const record = new MembershipRecord(
    { setMembership: (next) => new Promise((done) => writes.push({ membership: next, done })) },
    membership,
  );
  return { record, writes };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("changes are in force at once and written one after another", async () => {
  const { record, writes } = aRecord();
  void record.change((known) => ({ ...known, managers: ["b"] }));
  const second = record.change((known) => ({ ...known, raftId: 7 }));
  expect(record.current).toEqual({ ...membership, managers: ["b"], raftId: 7 });
  await turn();
  expect(writes.map((write) => write.membership)).toEqual([{ ...membership, managers: ["b"] }]);
  writes[0]?.done();
  await turn();
  writes[1]?.done();
  await second;
  expect(writes[1]?.membership).toEqual(record.current);
});

test("after the end nothing is written: a membership that was given up does not come back", async () => {
  const { record, writes } = aRecord();
  void record.change((known) => ({ ...known, managers: ["b"] }));
  const late = record.change((known) => ({ ...known, managers: ["c"] }));
  await turn();
  const closed = record.close();
  writes[0]?.done();
  await closed;
  await late;
  await record.write();
  expect(writes).toHaveLength(1);
});

test("who is a manager no more keeps nothing of its place in the consensus", () => {
  const peers = [{ raftId: 1, nodeId: "x", addr: "a" }];
  expect(withoutManager({ ...membership, raftId: 7, isJoining: true, peers })).toEqual(membership);
  expect(begun({ ...membership, raftId: 7, isJoining: true })).toEqual({ ...membership, raftId: 7 });
});

test.each([
  ["listens everywhere", "0.0.0.0:2377", "10.0.0.1:2377", "0.0.0.0:2377"],
  ["listens on the old address", "10.0.0.1:2377", "10.0.0.1:2377", "10.0.0.9:2377"],
  ["never said where it is", "0.0.0.0:2377", "", "0.0.0.0:2377"],
])("a node that %s and moves is told of at its new address", (_title, listenAddr, advertiseAddr, listens) => {
  const before = {
    ...membership,
    listenAddr,
    advertiseAddr,
    dataPathAddr: "10.0.0.1",
    managers: ["10.0.0.1:2377", "x"],
  };
  const after = moved(before, { host: "10.0.0.9", port: 0 });
  expect(after.advertiseAddr).toBe("10.0.0.9:2377");
  expect(after.listenAddr).toBe(listens);
  if (advertiseAddr !== "") expect(after).toMatchObject({ dataPathAddr: "10.0.0.9", managers: ["10.0.0.9:2377", "x"] });
  expect(moved(after, { host: "10.0.0.9", port: 0 })).toEqual(after);
});

test("with another port it listens there, too, and an IPv6 address is written as one", () => {
  const after = moved({ ...membership, advertiseAddr: "10.0.0.1:2377" }, { host: "fd00::9", port: 2400 });
  expect(after).toMatchObject({ advertiseAddr: "[fd00::9]:2400", listenAddr: "0.0.0.0:2400" });
});
