import { describe, expect, test } from "vitest";
import {
  type Guest,
  Handshakes,
  handshakesPerAddressMax,
  placesMax,
  waitingMax,
  waitingPerAddressMax,
} from "../../src/rpc/handshakes.js";
import { VirtualClock } from "../../src/sim/index.js";

interface Named extends Guest {
  readonly name: string;
}

function aDoor() {
  const clock = new VirtualClock();
  const begun: string[] = [];
  const refused: string[] = [];
  const handshakes: Handshakes<Named> = new Handshakes<Named>(
    { helloMs: 5_000 },
    {
      clock,
      begin: ({ name }) => begun.push(name),
      refuse: (guest, why) => {
        refused.push(`${guest.name} ${why}`);
        handshakes.over(guest);
      },
    },
  );
  const arrive = (name: string, address = name): Named => {
    const guest = { name, address };
    handshakes.arrive(guest);
    return guest;
  };
  /** It says hello at once. */
  const come = (name: string, address = name, isManager = false): Named => {
    const guest = arrive(name, address);
    handshakes.ready(guest, isManager);
    return guest;
  };
  const comeMany = (count: number, prefix: string, address?: string): Named[] =>
    Array.from({ length: count }, (_, at) => come(`${prefix}${at}`, address));
  return { clock, handshakes, begun, refused, arrive, come, comeMany };
}

describe("handshakes", () => {
  test("begin at once while there are places, and then as others are over, in the order they came", () => {
    const { handshakes, begun, comeMany } = aDoor();
    const guests = comeMany(placesMax + 3, "n");
    expect(begun).toHaveLength(placesMax);
    for (const at of [5, 2]) handshakes.over(guests[at] as Named);
    expect(begun.slice(placesMax)).toEqual([`n${placesMax}`, `n${placesMax + 1}`]);
  });

  test("of one that gave up while it waited never begins, and costs no place", () => {
    const { handshakes, begun, comeMany } = aDoor();
    const guests = comeMany(placesMax + 2, "n");
    handshakes.over(guests[placesMax] as Named);
    handshakes.over(guests[0] as Named);
    expect(begun.at(-1)).toBe(`n${placesMax + 1}`);
    for (const guest of guests) handshakes.over(guest);
    expect(handshakes.size).toBe(0);
  });

  test("that take long leave their place to the next", async () => {
    const { clock, begun, comeMany } = aDoor();
    comeMany(2 * placesMax + 1, "n");
    await clock.advance(999);
    expect(begun).toHaveLength(placesMax);
    await clock.advance(1);
    expect(begun).toHaveLength(2 * placesMax);
  });

  test("begin for one that has spoken, not for one that is silent", async () => {
    const { clock, handshakes, begun, refused, arrive, come } = aDoor();
    const silent = Array.from({ length: placesMax }, (_, at) => arrive(`s${at}`));
    come("n");
    expect(begun).toEqual(["n"]);
    handshakes.ready(silent[1] as Named, false);
    expect(begun).toEqual(["n", "s1"]);
    await clock.advance(5_000);
    expect(refused).toHaveLength(placesMax - 1);
    expect(refused[0]).toBe("s0 silent");
  });

  test("go round the addresses: nobody waits behind another's crowd", () => {
    const { handshakes, begun, come, comeMany } = aDoor();
    const crowd = comeMany(placesMax + 10, "c", "10.0.0.1");
    come("a");
    comeMany(2, "b", "10.0.0.2");
    for (const guest of crowd.slice(0, 6)) handshakes.over(guest);
    expect(begun.slice(placesMax)).toEqual([
      `c${placesMax}`,
      "a",
      "b0",
      `c${placesMax + 1}`,
      "b1",
      `c${placesMax + 2}`,
    ]);
  });

  test("of managers take turns with all others, from whatever address they come", () => {
    const { handshakes, begun, come, comeMany } = aDoor();
    const crowd = comeMany(placesMax + 10, "n", "10.0.0.1");
    for (const name of ["m0", "m1"]) come(name, "10.0.0.1", true);
    for (const guest of crowd.slice(0, 5)) handshakes.over(guest);
    const waited = begun.slice(placesMax);
    expect(waited.filter((name) => name.startsWith("m"))).toEqual(["m0", "m1"]);
    expect(waited.indexOf("m1")).toBeLessThanOrEqual(3);
    expect(waited.filter((name) => name.startsWith("n"))).toEqual(["n32", "n33", "n34"]);
  });

  test("of one address have a bound, those of others go on", async () => {
    const { clock, handshakes, begun, come, comeMany } = aDoor();
    const crowd = comeMany(handshakesPerAddressMax + 5, "c", "10.0.0.1");
    await clock.advance(4_000);
    expect(begun).toHaveLength(handshakesPerAddressMax);
    come("a");
    expect(begun.at(-1)).toBe("a");
    handshakes.over(crowd[0] as Named);
    expect(begun.at(-1)).toBe(`c${handshakesPerAddressMax}`);
  });

  test("that do not begin in time are refused, so that none begins for one that is about to give up", async () => {
    const { clock, refused, comeMany } = aDoor();
    comeMany(handshakesPerAddressMax + 2, "c", "10.0.0.1");
    await clock.advance(7_999);
    expect(refused).toEqual([]);
    await clock.advance(1);
    expect(refused).toEqual([`c${handshakesPerAddressMax} late`, `c${handshakesPerAddressMax + 1} late`]);
  });
});

describe("where there is no room", () => {
  test("the next one of a crowded address is refused", () => {
    const { refused, arrive, come } = aDoor();
    for (let at = 0; at < waitingPerAddressMax; at += 1) arrive(`c${at}`, "10.0.0.1");
    arrive("one more", "10.0.0.1");
    expect(refused).toEqual(["one more crowded"]);
    come("a");
    expect(refused).toHaveLength(1);
  });

  test("the most crowded address gives way to another one", () => {
    const { handshakes, refused, arrive } = aDoor();
    for (let at = 0; at < waitingMax; at += 1) arrive(`c${at}`, at % 4 === 0 ? `10.1.0.${at}` : `10.0.0.${at % 4}`);
    arrive("a");
    expect(refused).toEqual(["c1 crowded"]);
    expect(handshakes.size).toBe(waitingMax);
  });

  test("and no crowd, it is the newcomer that is refused", () => {
    const { refused, arrive } = aDoor();
    for (let at = 0; at < waitingMax; at += 1) arrive(`c${at}`);
    arrive("a");
    expect(refused).toEqual(["a crowded"]);
  });
});
