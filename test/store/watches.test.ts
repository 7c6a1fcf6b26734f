import { expect, test } from "vitest";
import type { RowChange } from "../../src/store/index.js";
import { Watches } from "../../src/store/watches.js";
import { aNode } from "../support/memory.js";

const change: RowChange = { table: "node", id: "n", row: aNode({ id: "n" }), previous: undefined };

/** Watchers whose turns are run by hand; `heard` has who was woken, turn by turn. */
function someWatches(count: number) {
  const turns: (() => void)[] = [];
  const watches = new Watches((fn) => void turns.push(fn));
  const heard: number[] = [];
  const stop = new AbortController();
  for (let at = 0; at < count; at += 1) {
    const watch = watches.open({ tables: [at === 0 ? "task" : "node"] }, stop.signal);
    void (async () => {
      for await (const batch of watch) heard.push(...batch.changes.map(() => at));
    })().catch(() => undefined);
  }
  const turn = async (): Promise<void> => {
    turns.shift()?.();
    for (let at = 0; at < 10; at += 1) await Promise.resolve();
  };
  return { watches, heard, turns, turn };
}

test("each watcher has a turn of its own, and none who has nothing to hear", async () => {
  const { watches, heard, turns, turn } = someWatches(3);
  await turn();
  watches.committed(1, [change]);
  expect(turns.length).toBe(2);
  await turn();
  expect(heard).toEqual([1]);
  await turn();
  expect(heard).toEqual([1, 2]);
});

test("commits that come before its turn are heard in one", async () => {
  const { watches, heard, turns, turn } = someWatches(2);
  await turn();
  watches.committed(1, [change]);
  watches.committed(2, [change]);
  expect(turns.length).toBe(1);
  await turn();
  expect(heard).toEqual([1, 1]);
});
