import { describe, expect, test } from "vitest";
import { RoleWish } from "../../src/daemon/role-wish.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { VirtualClock } from "../../src/sim/index.js";

const { WORKER, MANAGER } = NodeRole;

function aNode() {
  const clock = new VirtualClock();
  const node = { wanted: undefined as NodeRole | undefined, held: WORKER as NodeRole, asked: [] as number[] };
  const wish = new RoleWish({
    ...{ clock, wanted: () => node.wanted, held: () => node.held },
    ask: () => node.asked.push(clock.monotonic()),
  });
  return { clock, node, wish };
}

describe("a certificate for another role", () => {
  test("is asked for at once, and again until it is there", async () => {
    const { clock, node, wish } = aNode();
    node.wanted = MANAGER;
    wish.look();
    wish.look();
    await clock.advance(4_500);
    expect(node.asked).toEqual([0, 2_000, 4_000]);
    node.held = MANAGER;
    wish.look();
    await clock.advance(10_000);
    expect(node.asked).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });

  test("is asked for at once when the role changes back right after it came", async () => {
    const { clock, node, wish } = aNode();
    node.wanted = MANAGER;
    wish.look();
    await clock.advance(100);
    node.held = MANAGER;
    wish.look();
    node.wanted = WORKER;
    wish.look();
    expect(node.asked).toEqual([0, 100]);
  });

  test("is not asked for while no leader has said which, nor by a node that is leaving", async () => {
    const { clock, node, wish } = aNode();
    wish.look();
    node.wanted = MANAGER;
    wish.end();
    wish.look();
    await clock.advance(10_000);
    expect(node.asked).toEqual([]);
  });
});
