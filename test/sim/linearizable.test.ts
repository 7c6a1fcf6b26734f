// The checker of histories, on histories whose answer is known, and against one that tries every order.

import { describe, expect, test } from "vitest";
import { SeededRandom } from "../../src/sim/index.js";
import { checkLinearizable, type Operation } from "../../src/sim/linearizable.js";
import { type RegisterInput, type RegisterOutput, registers } from "../../src/sim/register.js";

type Call = Operation<RegisterInput, RegisterOutput>;

/** "a 1..4 w x": client a wrote x between 1 and 4; "r x" read x, "r -" found nothing, "s x y +" swapped x for y, "?" for an unknown outcome. */
function history(...lines: readonly string[]): readonly Call[] {
  return lines.map((line) => {
    const [client = "", span = "", kind = "", ...rest] = line.split(" ");
    const [from = "", to = ""] = span.split("..");
    const value = (text = ""): string | undefined => (text === "-" ? undefined : text);
    const input: RegisterInput =
      kind === "r"
        ? { kind: "read", key: "k" }
        : kind === "w"
          ? { kind: "write", key: "k", value: rest[0] ?? "" }
          : { kind: "swap", key: "k", expected: value(rest[0]), value: rest[1] ?? "" };
    const output = kind === "r" ? value(rest[0]) : kind === "w" ? undefined : rest[2] === "+";
    return { client, input, calledAt: Number(from), returned: to === "?" ? undefined : { at: Number(to), output } };
  });
}

test.each<[string, boolean, readonly string[]]>([
  ["nothing happened", true, []],
  ["a read after a write", true, ["a 1..2 w x", "b 3..4 r x"]],
  ["a read of nothing after a write", false, ["a 1..2 w x", "b 3..4 r -"]],
  ["a read during a write finds the old or the new", true, ["a 1..9 w x", "b 2..3 r -", "b 4..5 r x"]],
  ["but not the old after the new", false, ["a 1..9 w x", "b 2..3 r x", "c 4..5 r -"]],
  ["two reads at once may differ", true, ["a 1..9 w x", "b 2..6 r x", "c 3..5 r -"]],
  ["a stale read", false, ["a 1..2 w x", "a 3..4 w y", "b 5..6 r x"]],
  ["writes at once have one order for everybody", false, ["a 1..9 w x", "b 1..9 w y", "c 10..11 r x", "d 12..13 r y"]],
  ["a read of what nobody wrote", false, ["a 1..2 w x", "b 3..4 r z"]],
  ["a read before the write it shows", false, ["b 1..2 r x", "a 3..4 w x"]],
  ["an unknown write may never have happened", true, ["a 1..? w x", "b 2..3 r -", "b 8..9 r -"]],
  ["or happen late", true, ["a 1..? w x", "b 2..3 r -", "b 8..9 r x"]],
  ["but once: not, and then not any more", false, ["a 1..? w x", "b 2..3 r x", "b 4..5 w y", "b 6..7 r x"]],
  ["nor before its call", false, ["b 2..3 r x", "a 4..? w x"]],
  ["two swaps of one value", false, ["a 1..2 w x", "b 3..9 s x y +", "c 3..9 s x z +"]],
  ["one of two swaps", true, ["a 1..2 w x", "b 3..9 s x y +", "c 3..9 s x z -"]],
  ["a swap refused for no reason", false, ["a 1..2 w x", "b 3..9 s x y -"]],
  ["a swap that an unknown one explains", true, ["a 1..2 w x", "b 3..? s x y +", "c 4..5 s x z -", "d 6..7 r y"]],
])("%s: %s", (_, ok, lines) => {
  expect(checkLinearizable(history(...lines), registers).ok).toBe(ok);
});

test("keys are apart: what is right for each is right", () => {
  const on = (key: string, calls: readonly Call[]): Call[] =>
    calls.map((call) => ({ ...call, input: { ...call.input, key } }));
  const good = on("a", history("a 1..2 w x", "b 3..4 r x"));
  const bad = on("b", history("a 1..2 w x", "b 3..4 r -"));
  expect(checkLinearizable([...good, ...on("c", good)], registers)).toEqual({ ok: true });
  expect(checkLinearizable([...good, ...bad], registers)).toMatchObject({ ok: false, explain: /^b: / });
});

test("a failure tells how far it came and what did not fit", () => {
  expect(checkLinearizable(history("a 1..2 w x", "b 3..4 r -"), registers)).toEqual({
    ok: false,
    explain:
      'k: no order fits; 1 of 2 had a place, the last of them client a at 1: {"kind":"write","key":"k","value":"x"} → nothing at 2; ' +
      'in state "x" none of these fits: client b at 3: {"kind":"read","key":"k"} → nothing at 4',
  });
});

test("beyond its bound it does not decide", () => {
  const many = Array.from({ length: 12 }, (_, at) => `c${at} 1..9 w v${at}`);
  const calls = history(...many, "z 10..11 r none-of-them");
  expect(checkLinearizable(calls, registers, { configurationsMax: 50 })).toMatchObject({ ok: undefined });
});

/** A register that works, used by some clients at once: each call takes effect somewhere between its ends. */
function drawn(random: SeededRandom, count: number, clients: number): Call[] {
  let value: string | undefined;
  const freeAt = Array.from({ length: clients }, () => 0);
  const moments: { at: number; run: () => void }[] = [];
  const calls: Call[] = [];
  for (let nth = 0; nth < count; nth++) {
    const client = random.int(clients);
    const calledAt = (freeAt[client] ?? 0) + 1 + random.int(4);
    const length = 1 + random.int(12);
    freeAt[client] = calledAt + length;
    const kind = random.pick(["read", "write", "swap"] as const) ?? "read";
    moments.push({
      at: calledAt + random.next() * length,
      run: () => {
        const values = { key: "k", value: String(random.int(3)) };
        const expected = random.chance(0.7) ? value : String(random.int(3));
        const input: RegisterInput =
          kind === "read" ? { kind, key: "k" } : kind === "write" ? { kind, ...values } : { kind, expected, ...values };
        const isLost = random.chance(0.1);
        const isDone = !isLost || random.chance(0.5);
        const next = registers.apply(value, input);
        if (isDone) value = next.state;
        calls.push({
          client,
          input,
          calledAt,
          returned: isLost ? undefined : { at: calledAt + length, output: next.output },
        });
      },
    });
  }
  for (const { run } of moments.sort((a, b) => a.at - b.at)) run();
  return calls;
}

/** The dumb one: every order. */
function isLinearizableDumbly(calls: readonly Call[], value?: string): boolean {
  if (calls.every(({ returned }) => !returned)) return true;
  return calls.some((call) => {
    if (calls.some(({ returned }) => (returned?.at ?? Infinity) < call.calledAt)) return false;
    const { state, output } = registers.apply(value, call.input);
    if (call.returned && call.returned.output !== output) return false;
    return isLinearizableDumbly(
      calls.filter((other) => other !== call),
      state,
    );
  });
}

describe("drawn histories", () => {
  test("a long one of a register that works is linearizable", () => {
    for (let seed = 1; seed <= 20; seed++) {
      expect(checkLinearizable(drawn(new SeededRandom(seed), 500, 5), registers)).toEqual({ ok: true });
    }
  });

  test("a planted stale read is found", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const calls = drawn(new SeededRandom(seed), 100, 5);
      const endMs = Math.max(...calls.map(({ returned, calledAt }) => returned?.at ?? calledAt));
      const later = (at: number, input: RegisterInput, output: RegisterOutput): Call => {
        return { client: "late", input, calledAt: endMs + at, returned: { at: endMs + at, output } };
      };
      const write = (at: number, value: string): Call => later(at, { kind: "write", key: "k", value }, undefined);
      const stale = [write(1, "old"), write(2, "new"), later(3, { kind: "read", key: "k" }, "old")];
      expect(checkLinearizable([...calls, ...stale], registers).ok).toBe(false);
    }
  });

  test("what the dumb one says of short ones, good and spoilt", () => {
    const said = { good: 0, bad: 0 };
    for (let seed = 1; seed <= 1500; seed++) {
      const random = new SeededRandom(seed);
      const calls = drawn(random, 6, 3).map((call) => {
        const isSpoilt = call.returned && call.input.kind === "read" && random.chance(0.5);
        return isSpoilt ? { ...call, returned: { at: call.returned.at, output: String(random.int(3)) } } : call;
      });
      const expected = isLinearizableDumbly(calls);
      expect([seed, checkLinearizable(calls, registers).ok]).toEqual([seed, expected]);
      const misled = calls.map((call) => ({ ...call, likelyAt: random.next() }));
      expect([seed, checkLinearizable(misled, registers).ok]).toEqual([seed, expected]);
      said[expected ? "good" : "bad"] += 1;
    }
    expect(Math.min(said.good, said.bad)).toBeGreaterThan(100);
  });
});
