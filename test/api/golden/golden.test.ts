// Docker's answers, recorded, against Skep's. Record anew from a real engine in swarm mode (an empty one that leads):
//   SKEP_GOLDEN_SOCKET=/path/docker.sock npx vitest run --project unit test/api/golden

import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apiFixture, ask, type Fixture, managerId, type Reply } from "../fixture.js";
import { cases, type GoldenCase } from "./cases.js";

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const file = new URL("./docker-20.10.json", import.meta.url);
const recordFrom = process.env["SKEP_GOLDEN_SOCKET"];

if (recordFrom) {
  test("record Docker's answers", { timeout: 120_000 }, async () => {
    const nodes = await ask(recordFrom, "GET", "/nodes");
    const answers: Record<string, Answer> = {};
    for (const each of cases) {
      answers[each.name] = normalise(await send(recordFrom, each, String(nodes.at("0.ID"))));
    }
    writeFileSync(file, `${JSON.stringify(answers, null, 1)}\n`);
  });
} else {
  describe("as Docker 20.10 answered", () => {
    let fixture: Fixture;
    const recorded = JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, Answer>>;

    beforeAll(async () => {
      fixture = await apiFixture();
    });
    afterAll(() => fixture.close());

    test.each(cases)("$name", async (each) => {
      const answer = normalise(await send(fixture.socketPath, each, managerId));
      expect(answer).toEqual(recorded[each.name]);
    });
  });
}

async function send(socketPath: string, each: GoldenCase, self: string): Promise<Reply> {
  const url = each.url.replaceAll("{self}", self);
  const path = /\{version:([^}]+)\}/.exec(url)?.[1];
  const version = path === undefined ? "" : String((await ask(socketPath, "GET", path)).at("Version.Index"));
  return ask(socketPath, each.method, url.replace(/\{version:[^}]+\}/, version), each.body);
}

/** What differs from run to run: ids, versions, times, certificates, tokens. */
function normalise({ status, text, json }: Reply): Answer {
  const body = json === undefined ? text : json;
  return { status, body: replaceVarying(body) };
}

function replaceVarying(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((each) => replaceVarying(each));
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value)
      // 20.10 leaves out what later versions show as null.
      .filter(([name, field]) => !(name === "Warnings" && field === null))
      // What the allocator has granted by the time of the question.
      .filter(([name]) => name !== "Endpoint")
      .map(([name, field]) => [name, replaceVarying(field, name)]);
    return Object.fromEntries(fields);
  }
  if (key === "Index") return 0;
  if (typeof value !== "string") return value;
  if (
    [
      "CreatedAt",
      "UpdatedAt",
      "StartedAt",
      "CompletedAt",
      "TrustRoot",
      "CertIssuerSubject",
      "CertIssuerPublicKey",
      "Worker",
      "Manager",
    ].includes(key)
  ) {
    return `<${key}>`;
  }
  return value.replace(/\b[0-9a-z]{25}\b/g, "<id>");
}
