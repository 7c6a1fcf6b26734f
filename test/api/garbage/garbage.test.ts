// Whatever comes in, something sensible goes out. docs/garbage.md is the expectation; after a deliberate change write it
// anew and read the difference:  SKEP_WRITE_DOCS=1 npx vitest run --project unit test/api/garbage

import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apiFixture, type Fixture, serviceBody } from "../fixture.js";
import { cases, casesOutside, type GarbageCase } from "./cases.js";

/** Enough for any sentence; what a client sent comes back cut. */
const messageLengthMax = 1_000;

const page = new URL("../../../docs/garbage.md", import.meta.url);

const introduction = `# Bad input and what it is answered

Kept by \`test/api/garbage\`: each line is a request that was sent to a real socket, and what came back. Where Docker has
words they are Docker's; what Skep refuses and Docker takes is in \`differences.md\`. Long text is cut here, not there.

| where | what is wrong | status | message |
|---|---|---|---|
`;

interface Row {
  readonly each: GarbageCase;
  readonly status: number;
  readonly message: string;
}

describe("garbage in", () => {
  let fixture: Fixture;
  let outside: Fixture;
  const rows: Row[] = [];

  beforeAll(async () => {
    [fixture, outside] = await Promise.all([apiFixture(), apiFixture()]);
    outside.node.current = { local: "inactive" };
    outside.node.leading = undefined;
    outside.node.restore = async () => "restored";
    expect((await fixture.ask("POST", "/services/create", serviceBody("present"))).status).toBe(201);
    for (const each of cases) rows.push(await answerTo(fixture, each));
    for (const each of casesOutside) rows.push(await answerTo(outside, each));
  });
  afterAll(() => Promise.all([fixture.close(), outside.close()]));

  test("is answered as docs/garbage.md says, more than a hundred times", () => {
    const text = introduction + rows.map(line).join("");
    if (process.env["SKEP_WRITE_DOCS"]) writeFileSync(page, text);
    expect(text).toBe(readFileSync(page, "utf8"));
    expect(rows.length).toBeGreaterThan(100);
  });

  test("is refused with a status of refusal and a message for a person", () => {
    for (const { each, status, message } of rows) {
      const what = `${each.kind}: ${each.what}`;
      expect(status, what).toBeGreaterThanOrEqual(400);
      expect(message, what).not.toMatch(/^$|undefined|\[object|Cannot read|is not a function|invariant broken/);
      expect(message.length, what).toBeLessThanOrEqual(messageLengthMax);
    }
  });

  test("leaves nothing behind", async () => {
    expect(fixture.store.table("service").size).toBe(1);
    expect(fixture.node.calls).toEqual([]);
    expect(outside.node.calls).toEqual([]);
    expect((await fixture.ask("GET", "/services")).status).toBe(200);
  });

  test.each([
    ["no HTTP at all", "400", "hello\r\n\r\n"],
    ["a header without colon", "400", "GET /services HTTP/1.1\r\nHost x\r\n\r\n"],
    ["no host", "400", "GET /services HTTP/1.1\r\n\r\n"],
    [
      "two lengths",
      "400",
      "POST /services/create HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    ],
    [
      "a length and chunks",
      "400",
      "POST /services/create HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    [
      "a chunk that is none",
      "400",
      "POST /services/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ["2 MiB of headers", "431", `GET /services HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(2 << 20)}\r\n\r\n`],
    ["2 MiB of path", "431", `GET /services/${"y".repeat(2 << 20)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  ])("on the wire: %s → %s", async (_, status, bytes) => {
    expect(await sendRaw(fixture.socketPath, bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} |^$`));
    expect((await fixture.ask("GET", "/services")).status).toBe(200);
  });
});

async function answerTo(fixture: Fixture, each: GarbageCase): Promise<Row> {
  const url = each.url
    .replace("{version}", String((await fixture.ask("GET", "/services/present")).at("Version.Index")))
    .replace("{swarm}", String((await fixture.ask("GET", "/swarm")).at("Version.Index")));
  const reply = await fixture.ask(each.method, url, each.body, each.headers);
  const message = reply.at("message");
  return { each, status: reply.status, message: typeof message === "string" ? message : reply.text.trim() };
}

function line({ each, status, message }: Row): string {
  const where = each.kind === "body" || each.kind === "service" ? "POST /services/create" : "";
  const path = decodeURIComponent(each.url.split("?")[0]?.replace(/%(?![0-9a-f]{2})/gi, "%25") ?? "");
  const request = where === `${each.method} ${path}` ? where : `${each.method} ${path}`;
  return `| \`${request}\` | ${each.what} | ${status} | ${inTable(message)} |\n`;
}

/** Ids differ from run to run. */
function inTable(message: string): string {
  const short = message.length > 200 ? `${message.slice(0, 200)}…` : message;
  return short
    .replaceAll("|", "\\|")
    .replace(/\s+/g, " ")
    .replace(/\b[0-9a-z]{25}\b/g, "<id>");
}

/** Sends bytes as they are; resolves with what comes back until the other side ends or a while has passed. */
function sendRaw(path: string, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
      socket.destroy();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
    socket.write(bytes);
    socket.setTimeout(3_000, () => socket.destroy());
  });
}
