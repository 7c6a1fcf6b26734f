import { describe, expect, test } from "vitest";
import { Queue, SwarmError } from "../../src/base/index.js";
import { type AgentMessage, type ManagerMessage, RefusalKind } from "../../src/gen/skep/v1/dispatcher.js";
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

describe("beats without an answer", () => {
  test("end the session after two periods and a last look", async () => {
    const { clock, beatsAtMs, endedAtMs } = aSession();
    await clock.advance(10_000);
    expect(beatsAtMs).toEqual([0, 1_000]);
    expect(endedAtMs()).toBe(2_100);
  });

  test("are answered by whatever the manager says", async () => {
    const { clock, say, endedAtMs } = aSession();
    for (let at = 0; at < 5; at += 1) {
      await clock.advance(1_500);
      say({ $case: "statuses", value: { number: at } });
    }
    expect(endedAtMs()).toBeUndefined();
    await clock.advance(5_000);
    expect(endedAtMs()).toBeGreaterThan(9_000);
  });

  test("end nothing when what waited in the socket is read in the last look", async () => {
    const { clock, say, beatsAtMs, endedAtMs } = aSession();
    await clock.advance(2_050);
    say({ $case: "heartbeat", value: { number: 2 } });
    await clock.advance(1_000);
    expect(beatsAtMs).toEqual([0, 1_000, 2_100]);
    expect(endedAtMs()).toBeUndefined();
  });
});

/** A session that was welcomed at 0 by a manager that says only what the test makes it say. */
function aSession() {
  const clock = new VirtualClock();
  const said = new Queue<ManagerMessage>("test", 100);
  const beatsAtMs: number[] = [];
  const connection = {
    send: async ({ message }: AgentMessage) => {
      if (message?.$case === "heartbeat") beatsAtMs.push(clock.monotonic());
    },
    messages: said,
    close: () => {},
  };
  let endedAtMs: number | undefined;
  const end = (): void => {
    endedAtMs = clock.monotonic();
  };
  const session = new AgentSession(connection, clock, silentEvents);
  session.run(open, { patience: 1, signal: new AbortController().signal }).then(end, end);
  const say = (message: ManagerMessage["message"]): void => said.push({ message });
  say({ $case: "welcome", value: { sessionId: "s", clusterId: "c", state: undefined } });
  return { clock, say, beatsAtMs, endedAtMs: () => endedAtMs };
}

function sessionThatHears(messages: () => AsyncGenerator<ManagerMessage>) {
  const clock = new VirtualClock();
  const connection = {
    send: () => Promise.reject(new SwarmError("Unavailable", "cannot send")),
    messages: messages(),
    close: () => {},
  };
  const over = new AgentSession(connection, clock, silentEvents).run(open, {
    patience: 1,
    signal: new AbortController().signal,
  });
  over.catch(() => undefined);
  return { clock, over };
}
