import { afterEach, expect, test } from "vitest";
import { LeaderNews } from "../../src/daemon/leader-news.js";
import { LocalNodes, type TestNode } from "../support/local_nodes.js";

/** What takes a tenth of it on a machine that has nothing else to do. */
const withinMs = { timeout: 15_000, interval: 5 };

const nodes = new LocalNodes();
afterEach(() => nodes.close());

const leaderAt = ({ node }: TestNode): string => (node.control() ? "here" : (node.leader()?.key ?? "nobody"));

test("many changes at once are told once, and not in their midst", async () => {
  const news = new LeaderNews();
  let told = 0;
  const stop = news.listen(() => {
    told += 1;
  });
  news.tell();
  news.tell();
  expect(told).toBe(0);
  await Promise.resolve();
  expect(told).toBe(1);
  stop();
  news.tell();
  await Promise.resolve();
  expect(told).toBe(1);
});

test("who looks only when told knows who leads: a swarm begins, a manager joins, the leader goes", async () => {
  const all = [await nodes.start(), await nodes.start(), await nodes.start()] as const;
  const seen = new Map(all.map((each) => [each, leaderAt(each)]));
  for (const each of all) each.node.onLeaderChange(() => seen.set(each, leaderAt(each)));
  const [first, second, third] = all;
  await first.init();
  expect(seen.get(first)).toBe("here");
  for (const each of [second, third]) await each.join(first, "manager");
  await expect.poll(() => seen.get(second), withinMs).toContain(first.addr);
  const stopped = first.stop();
  await expect.poll(() => [second, third].map((each) => seen.get(each)), withinMs).toContain("here");
  await stopped;
  expect(all.map((each) => seen.get(each))).toEqual(all.map(leaderAt));
});
