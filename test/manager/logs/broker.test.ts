import { describe, expect, test } from "vitest";
import { subscriptionsMax } from "../../../src/manager/logs/broker.js";
import { aNode, aTask } from "../../support/memory.js";
import { LogSwarm, Publisher } from "./support.js";

const missing = (why: string) =>
  `warning: incomplete log stream. some logs could not be retrieved for the following reasons: ${why}`;

describe("a request that does not follow", () => {
  test("has the lines of all nodes in the order of time, and ends with the last", async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a", "b"]);
    const reader = swarm.subscribe({ tail: 10 });
    expect(swarm.askedOf("a")).toMatchObject({ serviceId: "web", taskId: "", options: { tail: 10, follow: false } });
    swarm.publish("a").lines(1, 4).end();
    await swarm.m.clock.advance(500);
    swarm.publish("b").lines(2, 3, 5).end();
    await reader.over;
    expect(reader.said).toEqual(["a 1", "b 2", "b 3", "a 4", "b 5"]);
    expect(swarm.broker.of("a").subscriptions).toEqual([]);
  });

  test("names at once a node that is down, and waits for the others", async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a", "b"]);
    await swarm.down("b");
    const reader = swarm.subscribe();
    expect(swarm.broker.of("b").subscriptions).toEqual([]);
    swarm.publish("a").lines(1).end();
    await reader.over;
    expect(reader.said).toEqual(["a 1", missing("node b is not available")]);
  });

  test("ends 5 s after it was asked when a node does not answer", async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a", "b"]);
    const reader = swarm.subscribe();
    swarm.publish("a").lines(1).end();
    await swarm.m.clock.advance(4_999);
    expect(reader.said).toEqual(["a 1"]);
    expect(reader.isOver).toBe(false);
    await swarm.m.clock.advance(1);
    await reader.over;
    expect(reader.said).toEqual(["a 1", missing("node b is not available")]);
  });

  test("gives up a node that falls silent in the middle, or breaks off, but not one that gives signs of life", async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a", "b", "c"]);
    const reader = swarm.subscribe();
    swarm.publish("a").lines(1);
    const broken = swarm.publish("b").lines(2);
    const slow = swarm.publish("c");
    await swarm.m.clock.advance(100);
    broken.cut();
    for (let second = 0; second < 6; second += 1) {
      slow.sign();
      await swarm.m.clock.advance(1_000);
    }
    expect(reader.isOver).toBe(false);
    slow.lines(3).end();
    await reader.over;
    expect(reader.said.slice(0, 3)).toEqual(["a 1", "b 2", "c 3"]);
    expect(reader.said[3]).toBe(missing("node b disconnected unexpectedly, node a disconnected unexpectedly"));
  });

  test("leaves out tasks that never ran, and says of a single task that it has no node", async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a"], "PREPARING");
    await swarm.m.writer.update((tx) =>
      tx.put("task", aTask({ serviceId: "web", id: "t-new", nodeId: "", state: "PENDING" })),
    );
    const ofService = swarm.subscribe();
    await ofService.over;
    expect(ofService.said).toEqual([]);
    const ofTask = swarm.subscribe({}, { kind: "task", id: "t-new" });
    await ofTask.over;
    expect(ofTask.said).toEqual([missing("task t-new has not been scheduled")]);
  });

  test("says once what the engine could not read", async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a"]);
    const reader = swarm.subscribe();
    const why = "configured logging driver does not support reading";
    swarm.publish("a").fails(why).fails(why).end();
    await reader.over;
    expect(reader.said).toEqual([missing(`task t-a: ${why}`)]);
  });
});

describe("a request that follows", () => {
  test("is joined by nodes that get a task and left by those that lose theirs", async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a"]);
    const reader = swarm.subscribe({ follow: true });
    const a = swarm.publish("a").lines(1);
    await swarm.m.clock.advance(500);
    expect(reader.said).toEqual(["a 1"]);
    await swarm.m.writer.update((tx) => {
      tx.put("node", aNode({ id: "b" }));
      tx.put("task", aTask({ serviceId: "web", id: "t-b", nodeId: "b", state: "ASSIGNED" }));
    });
    await swarm.m.clock.advance(500);
    swarm.publish("b").lines(2);
    await swarm.m.clock.advance(500);
    await swarm.m.writer.update((tx) => tx.delete("task", "t-b"));
    await swarm.m.clock.advance(500);
    expect(swarm.broker.of("b").subscriptions).toEqual([]);
    a.lines(3);
    await swarm.m.clock.advance(500);
    expect(reader.said).toEqual(["a 1", "b 2", "a 3"]);
    expect(reader.isOver).toBe(false);
  });

  test("says among the lines that a node is gone, once, and goes on where it had come when it is back", async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a", "b"]);
    const reader = swarm.subscribe({ follow: true, tail: 5 });
    const id = swarm.askedOf("b").id;
    swarm.publish("a").lines(1);
    const b = swarm.publish("b").lines(2);
    await swarm.m.clock.advance(1_000);
    b.cut();
    await swarm.m.clock.advance(1_000);
    await swarm.down("b");
    await swarm.m.clock.advance(10_000);
    expect(reader.said).toEqual(["a 1", "b 2", missing("node b disconnected unexpectedly")]);
    expect(swarm.askedOf("b")).toMatchObject({ id, options: { follow: true, since: "1795132802.000000001" } });
    expect(swarm.askedOf("b").options?.tail).toBeUndefined();
    swarm.publish("b").lines(3);
    await swarm.m.clock.advance(1_000);
    expect(reader.said.slice(3)).toEqual(["b 3"]);
  });

  test("ends when what it follows is gone for good", async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a"]);
    const reader = swarm.subscribe({ follow: true });
    swarm.publish("a").lines(1);
    await swarm.m.clock.advance(100);
    await swarm.m.writer.update((tx) => {
      tx.delete("task", "t-a");
      tx.delete("service", "web");
    });
    await swarm.m.clock.advance(1_000);
    await reader.over;
    expect(reader.said).toEqual(["a 1"]);
  });

  test("ends with a word when this manager leads no more", async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a"]);
    const reader = swarm.subscribe({ follow: true });
    const a = swarm.publish("a").lines(1);
    await swarm.m.clock.advance(500);
    await swarm.unlead();
    await reader.over;
    expect(reader.said[0]).toBe("a 1");
    expect(reader.said[1]).toMatch(/another manager leads the swarm now/);
    await a.over;
    expect(() => swarm.subscribe()).toThrow(/another manager leads/);
  });
});

describe("bounds", () => {
  test("who asks and goes away leaves nothing behind", async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a"]);
    const changed: string[] = [];
    swarm.broker.onChange((nodeId) => changed.push(nodeId));
    const reader = swarm.subscribe({ follow: true });
    const a = swarm.publish("a");
    await swarm.m.clock.advance(100);
    reader.leave();
    await reader.over;
    expect(await a.over).toBeUndefined();
    expect(swarm.broker.of("a").subscriptions).toEqual([]);
    expect(changed.at(-1)).toBe("a");
  });

  test(`no more than ${subscriptionsMax} requests at once`, async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a"]);
    const readers = Array.from({ length: subscriptionsMax }, () => swarm.subscribe({ follow: true }));
    expect(() => swarm.subscribe()).toThrow(/serves 100 requests for logs already/);
    readers[0]?.leave();
    await readers[0]?.over;
    expect(swarm.subscribe().isOver).toBe(false);
  });

  test("a node gives lines of its own tasks only, of what it was asked for", async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a", "b"]);
    await swarm.m.writer.update((tx) => tx.put("node", aNode({ id: "c" })));
    const reader = swarm.subscribe({ follow: true });
    const { id } = swarm.askedOf("a");
    const liar = swarm.publish("a").linesOf("t-b", 1);
    const stranger = new Publisher("c", id, swarm.broker);
    const unasked = swarm.publish("b").linesOf("another-task", 2).lines(3);
    await swarm.m.clock.advance(2_000);
    expect(await liar.over).toMatchObject({ kind: "PermissionDenied" });
    expect(await stranger.over).toMatchObject({ kind: "PermissionDenied" });
    expect(reader.said.toSorted()).toEqual(["b 3", missing("node a disconnected unexpectedly")]);
    unasked.end();
  });

  test("who does not read holds the nodes back", async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a"]);
    const gone = new AbortController();
    const read = { follow: true, since: "", stdout: true, stderr: true };
    const parts = swarm.broker.subscribe({ kind: "service", id: "web" }, read, gone.signal)[Symbol.asyncIterator]();
    const { id } = swarm.askedOf("a");
    let taken = 0;
    const line = { taskId: "t-a", timestamp: "2026", isStderr: false, data: Buffer.alloc(30_000), details: "" };
    const endless = (async function* () {
      yield { subscriptionId: id, lines: [], failures: [] };
      for (;;) {
        taken += 1;
        yield { subscriptionId: "", lines: [line], failures: [] };
      }
    })();
    void swarm.broker.publish("a", endless, gone.signal).catch(() => undefined);
    await parts.next();
    await swarm.m.clock.advance(60_000);
    expect(taken).toBeLessThanOrEqual(75);
    gone.abort(new Error("the test is over"));
  });
});
