import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { openDisk, systemClock, systemRandom } from "../../../src/base/host/index.js";
import { silentLog, silentMetrics } from "../../../src/base/index.js";
import { aesSealer, nextTurn } from "../../../src/raft/host/index.js";
import { RaftMember } from "../../../src/raft/index.js";
import { Lines, line } from "../../support/raft_member.js";

const root = fs.mkdtempSync(path.join(os.tmpdir(), "skep-raft-"));
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

async function leading(): Promise<{ member: RaftMember; machine: Lines; term: number }> {
  const machine = new Lines();
  const member = new RaftMember(
    { id: 7, folder: "raft", bootstrap: true, snapshotEntries: 50, trailingEntries: 5, segmentBytes: 4096 },
    {
      disk: openDisk(root),
      sealer: aesSealer(new Uint8Array(32).fill(1)),
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      metrics: silentMetrics,
      stateMachine: machine,
      nextTurn,
    },
  );
  const term = await new Promise<number>((resolve, reject) => {
    member.onLeadership((change) => resolve(change.term));
    member.start().catch(reject);
  });
  return { member, machine, term };
}

function everythingOnDisk(): Buffer {
  const names = fs.readdirSync(root, { recursive: true, encoding: "utf8" }).map((name) => path.join(root, name));
  return Buffer.concat(names.filter((name) => fs.statSync(name).isFile()).map((name) => fs.readFileSync(name)));
}

test("on the machine's own disk, encrypted: snapshot, log and restart", async () => {
  const a = await leading();
  const expected: string[] = [];
  for (let round = 0; round < 20; round++) {
    const texts = Array.from({ length: 10 }, (_, at) => `topsecret ${round} ${at}`);
    await Promise.all(texts.map((text) => a.member.propose(line(text), a.term)));
    expected.push(...texts);
  }
  expect(a.machine.lines).toEqual(expected);
  await a.member.stop();
  expect(a.member.status.snapshotIndex).toBeGreaterThan(0);
  expect(everythingOnDisk().includes("topsecret")).toBe(false);
  const b = await leading();
  expect(b.machine.lines).toEqual(expected);
  expect(b.machine.indexes.length).toBeLessThan(expected.length);
  await b.member.stop();
});
