import { expect, test } from "vitest";
import { JobQueue } from "../../src/store/job-queue.js";

function drained(queue: JobQueue<string>): string[] {
  const order: string[] = [];
  for (let job = queue.peek(); job !== undefined; job = queue.peek()) {
    order.push(job);
    queue.shift();
  }
  return order;
}

test("what a user waits for goes first, each kind in its order", () => {
  const queue = new JobQueue<string>();
  queue.push("loop 1", false);
  queue.push("user 1", true);
  queue.push("loop 2", false);
  queue.push("user 2", true);
  expect(queue.size).toBe(4);
  expect(drained(queue)).toEqual(["user 1", "user 2", "loop 1", "loop 2"]);
});

test("a user who comes later still goes before a loop that waits", () => {
  const queue = new JobQueue<string>();
  queue.push("loop", false);
  expect(queue.peek()).toBe("loop");
  queue.push("user", true);
  expect(queue.peek()).toBe("user");
  expect(drained(queue)).toEqual(["user", "loop"]);
});

test("however many users there are, the loops have their turn", () => {
  const queue = new JobQueue<string>();
  for (let at = 0; at < 250; at += 1) queue.push("user", true);
  for (let at = 0; at < 3; at += 1) queue.push("loop", false);
  const order = drained(queue);
  expect(order.flatMap((job, at) => (job === "loop" ? [at] : []))).toEqual([100, 201, 252]);
});

test("is emptied at once when leadership is lost", () => {
  const queue = new JobQueue<string>();
  queue.push("loop", false);
  queue.push("user", true);
  expect(queue.takeAll()).toHaveLength(2);
  expect(queue.size).toBe(0);
});
