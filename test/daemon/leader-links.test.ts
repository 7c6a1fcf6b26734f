import { expect, test } from "vitest";
import { LeaderLinks } from "../../src/daemon/managing/leader-links.js";
import { VirtualClock } from "../../src/sim/index.js";

function links(addrs: string[]) {
  const clock = new VirtualClock();
  const events: string[] = [];
  let count = 0;
  const all = new LeaderLinks({
    clock,
    addrs: () => addrs,
    newLink: () => {
      const name = `link${++count}`;
      return {
        forward: () => Promise.reject(new Error("not used here")),
        prepare: (addr) => events.push(`${name} → ${addr}`),
        close: () => events.push(`${name} closed`),
      };
    },
  });
  return { clock, events, all, addrs };
}

test("every other manager is connected to before it leads, and again when that broke", async () => {
  const { clock, events } = links(["a", "b"]);
  await clock.advance(0);
  expect(events).toEqual(["link1 → a", "link2 → b"]);
  await clock.advance(1_000);
  expect(events.slice(2)).toEqual(["link1 → a", "link2 → b"]);
});

test("who is a manager no more is let go, and at the end all are", async () => {
  const { clock, events, all, addrs } = links(["a", "b"]);
  await clock.advance(0);
  addrs.pop();
  await clock.advance(1_000);
  expect(events.at(-1)).toBe("link2 closed");
  all.close();
  expect(events.at(-1)).toBe("link1 closed");
  expect(clock.pending).toBe(0);
});

test("the link to a leader is the one that was made before", async () => {
  const { clock, all } = links(["a"]);
  await clock.advance(0);
  expect(all.to("a")).toBe(all.to("a"));
});
