// What docker 28.2.2 said to an engine and printed, recorded: ours makes the same calls and prints the same.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runCli } from "../../src/cli/index.js";
import { asSkep, recordings, replay } from "./support/replay.js";
import { answer, daemon, fakeWorld } from "./support/world.js";

describe("the same calls, the same output as docker", () => {
  it.each(recordings())("%s", async (_, recording) => {
    const { transport, missing } = replay(recording.exchanges);
    const world = fakeWorld({
      transport,
      nowMs: Date.parse(recording.now),
      ...(recording.env === undefined ? {} : { env: recording.env }),
      ...(recording.stdin === undefined ? {} : { stdin: recording.stdin }),
    });
    const exit = await runCli(recording.args, world);
    expect({ exit, out: world.out(), err: world.err() }).toEqual({
      exit: recording.exit,
      out: asSkep(recording.stdout),
      err: asSkep(recording.stderr),
    });
    expect(missing()).toEqual([]);
  });

  it("has something to compare", () => {
    expect(recordings().length).toBeGreaterThan(40);
  });
});

type FlagRow = readonly [flags: string, value: string, exit: number, error: string, calls: readonly string[]];

const rows = JSON.parse(
  readFileSync(new URL("./fixtures/service-create-flags.json", import.meta.url), "utf8"),
) as readonly FlagRow[];

describe("service create takes and refuses what docker takes and refuses, in its words", () => {
  it.each(rows.map((row) => [`${row[0]} ${JSON.stringify(row[1])}`, row] as const))("%s", async (_, row) => {
    const [flags, value, exit, error, calls] = row;
    const seen: string[] = [];
    const world = fakeWorld({
      transport: daemon(({ method, path, body }, bare) => {
        seen.push(`${method} ${path} ${body ?? ""}`.trimEnd());
        return inventing(bare);
      }),
    });
    const given = value === "" && flags.includes("=") ? flags.split(" ") : [...flags.split(" "), value];
    const code = await runCli(["service", "create", "-d", "--no-resolve-image", ...given, "img"], world);
    expect({ code, error: world.err().split("\n\nUsage:")[0]?.trim() }).toEqual({ code: exit, error });
    expect(seen).toEqual(calls);
  });
});

/** Every network, secret and config that is asked for is there. */
function inventing(path: string) {
  const named = JSON.parse(new URL(path, "http://daemon").searchParams.get("filters") ?? "{}") as {
    readonly name?: Readonly<Record<string, boolean>>;
  };
  const items = (prefix: string) =>
    Object.keys(named.name ?? {}).map((Name) => ({ ID: prefix + Name, Spec: { Name } }));
  if (path === "/services/create") return answer(201, { ID: "id", Warnings: null });
  if (path.startsWith("/networks/")) return answer(200, { Id: `netid${(path.split(/[/?]/)[2] ?? "").length}` });
  if (path.startsWith("/secrets")) return answer(200, items("sid-"));
  if (path.startsWith("/configs")) return answer(200, items("cid-"));
  return answer(404, { message: "page not found" });
}

const pages = JSON.parse(readFileSync(new URL("./fixtures/help.json", import.meta.url), "utf8")) as Record<
  string,
  string
>;

describe("help pages read as docker's", () => {
  it.each(Object.entries(pages))("%s", async (command, page) => {
    const world = fakeWorld({ transport: daemon(() => answer(404, {})) });
    expect(await runCli([...command.split(" "), "--help"], world)).toBe(0);
    const theirs = page.replaceAll("docker", "skep").replaceAll("docs.skep.com", "docs.docker.com");
    const own = ours[command] ?? [];
    if (own.length === 0) expect(withoutNewFlags(world.out())).toBe(theirs);
    // A line of ours may be the longest and move the columns of all.
    else expect(own.reduce(without, flat(withoutNewFlags(world.out())))).toBe(flat(theirs));
  });
});

/** What `skep` has and docker has not, as its help says it. */
const ours: Readonly<Record<string, readonly string[]>> = {
  "node update": [
    "--drain-timeout duration Time a drain waits for replacements of start-first tasks to run (ns|us|ms|s|m|h) (default 10m)",
  ],
  service: [
    "explain Tell why a service is not as asked, and what would help",
    "history Show the kept revisions of a service's configuration",
    "plan Show what 'service update' with the same flags would do, without doing it",
  ],
  "service create": ["--plan Show what would happen, without doing it"],
  "service rollback": [
    "--to uint Revision to go back to, as 'skep service history' shows them (default the one before)",
  ],
};

function flat(page: string): string {
  return page.replace(/\s+/g, " ");
}

function without(page: string, line: string): string {
  expect(page).toContain(` ${line}`);
  return page.replace(` ${line}`, "");
}

/** Recorded from a CLI that talked to an engine too old for these, which docker then does not show. */
function withoutNewFlags(page: string): string {
  return page.replace(/ {6}--(health-start-interval|oom-score-adj)[^\n]*\n( {7,}[^\n]*\n)?/g, "");
}
