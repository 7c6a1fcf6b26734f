import { describe, expect, test } from "vitest";
import { SwarmError } from "../../src/base/index.js";
import { type ManagerMessage, RefusalKind } from "../../src/gen/skep/v1/dispatcher.js";
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
