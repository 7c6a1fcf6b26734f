// `service history` and `service rollback --to`, `node update --drain-timeout`.

import { expect, it } from "vitest";
import { runCli } from "../../src/cli/index.js";
import { aNode } from "./support/objects.js";
import { answer, daemon, fakeWorld } from "./support/world.js";

const nowMs = Date.parse("2026-11-20T12:00:00Z");
const revision = (Number: number, Image: string, fields: object) => ({
  ...{ Number, CreatedAt: "2026-11-20T11:00:00Z", Image, Current: false, Previous: false, Spec: {} },
  ...fields,
});
const history = {
  ...{ ServiceID: "s1", ServiceName: "web" },
  Revisions: [
    revision(6, "nginx:1.29", { Changes: ["image"], Current: true }),
    revision(5, "nginx:1.28", { Changes: ["env", "replicas 1 → 3"], Previous: true }),
    revision(3, "nginx:1.28", {}),
  ],
};

async function run(argv: readonly string[], answers: Readonly<Record<string, unknown>>) {
  const calls: string[] = [];
  const transport = daemon(({ method, body }, path) => {
    calls.push(`${method} ${path}${body === undefined ? "" : ` ${body.trim()}`}`);
    const found = answers[`${method} ${path.split("?")[0]}`];
    return found === undefined ? answer(404, { message: "page not found" }) : answer(200, found);
  });
  const world = fakeWorld({ transport, nowMs });
  const exit = await runCli(argv, world);
  return { exit, out: world.out(), err: world.err(), calls };
}

it("shows the kept revisions, and which of them count", async () => {
  const { out } = await run(["service", "history", "web"], { "GET /skep/v1/services/web/history": history });
  expect(out).toBe(
    "REV       CREATED             IMAGE        CHANGED               MARK\n" +
      "6         about an hour ago   nginx:1.29   image                 CURRENT\n" +
      "5         about an hour ago   nginx:1.28   env, replicas 1 → 3   PREVIOUS\n" +
      "3         about an hour ago   nginx:1.28   -                     \n",
  );
});

it("prints them as JSON, a line each", async () => {
  const answers = { "GET /skep/v1/services/web/history": history };
  const { out } = await run(["service", "history", "--format", "json", "web"], answers);
  expect(JSON.parse(out.split("\n")[0] ?? "")).toMatchObject({ Rev: 6, Image: "nginx:1.29", Mark: "CURRENT" });
});

const service = { ID: "s1", Version: { Index: 9 }, Spec: { Name: "web" } };

it("goes back to the revision asked for, from the version it saw", async () => {
  const { exit, out, calls } = await run(["service", "rollback", "-d", "--to", "3", "web"], {
    "GET /services/web": service,
    "POST /skep/v1/services/s1/rollback": { Warnings: null },
  });
  expect({ exit, out }).toEqual({ exit: 0, out: "web\n" });
  expect(calls.at(-1)).toBe("POST /skep/v1/services/s1/rollback?to=3&version=9");
});

it("tells a node how long its drain waits", async () => {
  const { exit, calls } = await run(["node", "update", "--availability", "drain", "--drain-timeout", "5m", "h1"], {
    "GET /nodes/h1": aNode(1),
    "POST /nodes/node1/update": {},
  });
  expect(exit).toBe(0);
  expect(calls.at(-1)).toContain('"DrainTimeout":300000000000');
});
