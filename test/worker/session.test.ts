import { describe, expect, test } from "vitest";
import { type Clock, Queue, SwarmError, wallTime } from "../../src/base/index.js";
import { type AgentMessage, type ManagerMessage, RefusalKind, Welcome } from "../../src/gen/skep/v1/dispatcher.js";
import { VirtualClock } from "../../src/sim/index.js";
import { AgentSession, Refused } from "../../src/worker/session.js";

const open = {
  $case: "open",
  value: { format: 1, tasks: [], advertiseAddr: "", description: undefined, engine: undefined },
} as const;
const silentEvents = {
  welcomed: () => {},
  assigned: () => {},
  acknowledged: () => {},
  stateChanged: () => {},
  logsWanted: () => {},
};
const removal: ManagerMessage = {
  message: { $case: "refusal", value: { kind: RefusalKind.NODE_REMOVED, message: "removed", leaderAddr: "" } },
};

describe("a session in which nothing can be sent", () => {
  test("ends with what the manager said, not with the failure to send", async () => {
    const session = sessionThatHears(async function* () {
      yield removal;
    });
    await expect(session.over).rejects.toBeInstanceOf(Refused);
  });

  test("ends with the failure when the manager says nothing more", async () => {
    const session = sessionThatHears(async function* () {
      await new Promise(() => {});
      yield removal;
    });
    const ended = expect(session.over).rejects.toThrow("cannot send");
    await session.clock.advance(1_000);
    await ended;
  });
});

describe("beats", () => {
  const periodMs = 1_000;

  test.each([
    { title: "one that is late moves none after it", lateMs: [0, 90, 0, 0], at: [0, 1_000, 2_090, 3_000, 4_000] },
    { title: "later than that they come back by and by", lateMs: [250], at: [0, 1_250, 2_150, 3_050, 4_000, 5_000] },
    { title: "those missed in a stall are not made up for", lateMs: [3_020, 0, 0], at: [0, 4_020, 5_000, 6_000] },
    { title: "a timer that is early is set again", lateMs: [0, -700, -200, 0], at: [0, 1_000, 2_000, 3_000] },
  ])("$title", async ({ lateMs, at }) => {
    const clock = new VirtualClock();
    const beatsAtMs: number[] = [];
    const late = [...lateMs];
    // A process that is late runs its timer late.
    const slow: Clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (delayMs, fn) => clock.after(delayMs + (delayMs > periodMs ? 0 : (late.shift() ?? 0)), fn),
    };
    const heard = new Queue<ManagerMessage>("answers", 10);
    const connection = {
      send: async ({ message }: AgentMessage) => {
        if (message?.$case !== "heartbeat") return;
        beatsAtMs.push(clock.monotonic());
        heard.push({ message });
      },
      messages: heard,
      close: () => {},
    };
    const life = new AbortController();
    const over = new AgentSession(connection, slow, silentEvents).run(open, life.signal);
    heard.push({
      message: { $case: "welcome", value: Welcome.fromPartial({ state: { heartbeatPeriod: wallTime(periodMs) } }) },
    });
    await clock.settle();
    await clock.advance((at.at(-1) ?? 0) + 1);
    expect(beatsAtMs).toEqual(at);
    life.abort(new Error("done"));
    await expect(over).rejects.toThrow("done");
  });
});

function sessionThatHears(messages: () => AsyncGenerator<ManagerMessage>) {
  const clock = new VirtualClock();
  const connection = {
    send: () => Promise.reject(new SwarmError("Unavailable", "cannot send")),
    messages: messages(),
    close: () => {},
  };
  const over = new AgentSession(connection, clock, silentEvents).run(open, new AbortController().signal);
  over.catch(() => undefined);
  return { clock, over };
}
