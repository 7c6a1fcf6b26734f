import { expect, test } from "vitest";
import { runLogWorkload, withoutFolderSync, withoutSync } from "../../support/raft_log_workload.js";

const seeds = 150;
const lives = 12;

test("whatever crashes when, a restart finds what was acknowledged, and at most the batch under way beside it", async () => {
  const total = { acknowledged: 0, crashes: 0, overwritten: 0, dropped: 0 };
  for (let seed = 1; seed <= seeds; seed++) {
    const result = await runLogWorkload({ seed, lives });
    total.acknowledged += result.acknowledged;
    total.crashes += result.crashes;
    total.overwritten += result.overwritten;
    total.dropped += result.dropped;
  }
  // The workload did what it is for.
  expect(total.acknowledged).toBeGreaterThan(seeds * 20);
  expect(total.crashes).toBeGreaterThan(seeds * 5);
  expect(total.overwritten).toBeGreaterThan(seeds);
  expect(total.dropped).toBeGreaterThan(seeds);
});

// A segment is first synced when it is made, or when it is opened again; then once for each batch.
test.each([
  ["sync of every kind", withoutSync(() => true)],
  ["sync of every batch", withoutSync((sync) => sync > 0)],
  ["sync of one batch in three", withoutSync((sync) => sync > 0 && sync % 3 === 0)],
  ["sync of new and of opened segments", withoutSync((sync) => sync === 0)],
  ["sync of folders", withoutFolderSync],
])("the checker fails when this is missing: %s", async (_, wrap) => {
  let caught = 0;
  for (let seed = 1; seed <= 20; seed++) {
    await runLogWorkload({ seed, lives, wrap }).catch((error: unknown) => {
      expect(String(error)).toMatch(/not what was acknowledged|damaged|ENOENT/);
      caught += 1;
    });
  }
  expect(caught).toBeGreaterThan(10);
});
