// The commands that more than one manager needs: unlocking, promoting, leaving, going on alone, backing up.

import { describe, expect, it } from "vitest";
import { type HttpRequest, type HttpResponse, runCli } from "../../src/cli/index.js";
import { aNode } from "./support/objects.js";
import { answer, chunks, daemon, type FakeWorldOptions, fakeWorld } from "./support/world.js";

const key = `SWMKEY-1-${"k".repeat(43)}`;
const swarm = (autolock: boolean) => ({
  ...{ ID: "c1", Version: { Index: 7 }, JoinTokens: { Worker: "SWMTKN-1-w", Manager: "SWMTKN-1-m" } },
  ...{ TLSInfo: { TrustRoot: "" }, RootRotationInProgress: false },
  Spec: {
    ...{ Name: "default", Labels: {}, Orchestration: {}, Raft: { ElectionTick: 10, HeartbeatTick: 1 } },
    ...{ Dispatcher: {}, CAConfig: {}, TaskDefaults: {}, EncryptionConfig: { AutoLockManagers: autolock } },
  },
});
const info = (LocalNodeState: string) => ({ Swarm: { LocalNodeState, NodeID: "n1", ControlAvailable: true } });
const unlockText =
  "To unlock a swarm manager after it restarts, run the `skep swarm unlock`\n" +
  `command and provide the following key:\n\n    ${key}\n\n` +
  "Remember to store this key in a password manager, since without it you\nwill not be able to restart the manager.\n";

type Answers = Readonly<Record<string, HttpResponse | ((request: HttpRequest) => HttpResponse)>>;

/** Runs against a daemon that has these answers, by method and path without query. */
async function run(argv: readonly string[], answers: Answers, options: Partial<FakeWorldOptions> = {}) {
  const calls: string[] = [];
  const transport = daemon((request, path) => {
    const [bare = ""] = path.split("?");
    calls.push(`${request.method} ${path}${request.body === undefined ? "" : ` ${request.body.trim()}`}`);
    const found = answers[`${request.method} ${bare}`];
    if (found === undefined) return answer(404, { message: `page not found: ${bare}` });
    return typeof found === "function" ? found(request) : found;
  });
  const world = fakeWorld({ transport, ...options });
  const exit = await runCli(argv, world);
  return { exit, out: world.out(), err: world.err(), calls };
}

const ok = (body: unknown) => () => answer(200, body);
const done = () => answer(200, undefined);

describe("swarm unlock", () => {
  it("sends the first line of what is piped in, and says nothing", async () => {
    const reply = await run(
      ["swarm", "unlock"],
      { "GET /info": ok(info("locked")), "POST /swarm/unlock": done },
      { stdin: `  ${key}\nmore\n` },
    );
    expect(reply).toMatchObject({ exit: 0, out: "", err: "" });
    expect(reply.calls.at(-1)).toBe(`POST /swarm/unlock {"UnlockKey":"${key}"}`);
  });

  it.each([
    ["inactive", "Error: This node is not part of a swarm\n"],
    ["active", "Error: swarm is not locked\n"],
  ])("of a node that is %s asks for no key", async (state, err) => {
    const reply = await run(["swarm", "unlock"], { "GET /info": ok(info(state)) });
    expect({ exit: reply.exit, err: reply.err }).toEqual({ exit: 1, err });
  });

  it("shows the daemon's words for a wrong key, and never the key", async () => {
    const reply = await run(
      ["swarm", "unlock"],
      {
        "GET /info": ok(info("locked")),
        "POST /swarm/unlock": answer(401, { message: "swarm could not be unlocked: invalid key provided" }),
      },
      { stdin: `${key}\n` },
    );
    expect(reply).toMatchObject({
      exit: 1,
      err: "Error response from daemon: swarm could not be unlocked: invalid key provided\n",
    });
  });
});

describe("the unlock key", () => {
  it("is shown with what to do, or alone", async () => {
    const answers = { "GET /swarm/unlockkey": ok({ UnlockKey: key }) };
    expect((await run(["swarm", "unlock-key"], answers)).out).toBe(unlockText);
    expect((await run(["swarm", "unlock-key", "-q"], answers)).out).toBe(`${key}\n`);
  });

  it("that is not set is an error", async () => {
    const reply = await run(["swarm", "unlock-key"], { "GET /swarm/unlockkey": ok({ UnlockKey: "" }) });
    expect(reply).toMatchObject({ exit: 1, err: "no unlock key is set\n" });
  });

  it("is rotated, if there is one", async () => {
    const answers = {
      "GET /swarm": ok(swarm(true)),
      "POST /swarm/update": done,
      "GET /swarm/unlockkey": ok({ UnlockKey: key }),
    };
    const reply = await run(["swarm", "unlock-key", "--rotate"], answers);
    expect(reply.out).toBe(`Successfully rotated manager unlock key.\n\n${unlockText}`);
    expect(reply.calls[1]).toContain("rotateManagerUnlockKey=true");
    const refused = await run(["swarm", "unlock-key", "--rotate"], { "GET /swarm": ok(swarm(false)) });
    expect(refused).toMatchObject({ exit: 1, err: "cannot rotate because autolock is not turned on\n" });
  });

  it("is printed when locking is turned on, at init and later, and not when it was on", async () => {
    const initiated = await run(["swarm", "init", "--autolock"], {
      "POST /swarm/init": ok('"n1"'),
      "GET /nodes/n1": ok({
        ...aNode(1),
        ManagerStatus: { Addr: "10.0.0.1:2377", Reachability: "reachable" },
      }),
      "GET /swarm": ok(swarm(true)),
      "GET /swarm/unlockkey": ok({ UnlockKey: key }),
    });
    expect(initiated.out).toMatch(/^Swarm initialized: current node \(n1\) is now a manager\.\n\n/);
    expect(initiated.out).toContain(unlockText);
    const update = (was: boolean) =>
      run(["swarm", "update", "--autolock"], {
        "GET /swarm": ok(swarm(was)),
        "POST /swarm/update": done,
        "GET /swarm/unlockkey": ok({ UnlockKey: key }),
      });
    expect((await update(false)).out).toBe(`Swarm updated.\n${unlockText}`);
    expect((await update(true)).out).toBe("Swarm updated.\n");
  });
});

describe("swarm init --force-new-cluster", () => {
  it.each([
    ["active", [], '"ListenAddr":"","AdvertiseAddr":""'],
    ["error", ["--listen-addr", "10.0.0.9"], '"ListenAddr":"10.0.0.9:2377","AdvertiseAddr":""'],
    ["inactive", [], '"ListenAddr":"0.0.0.0:2377","AdvertiseAddr":""'],
  ])("on a node that is %s %j keeps the addresses it has", async (state, more, expected) => {
    const reply = await run(["swarm", "init", "--force-new-cluster", ...more], {
      "GET /info": ok(info(state)),
      "POST /swarm/init": ok('"n1"'),
      "GET /nodes/n1": ok({
        ...aNode(1),
        ManagerStatus: { Addr: "10.0.0.1:2377", Reachability: "reachable" },
      }),
      "GET /swarm": ok(swarm(false)),
    });
    expect(reply.exit).toBe(0);
    expect(reply.calls.find((call) => call.startsWith("POST"))).toContain(expected);
    expect(reply.calls.find((call) => call.startsWith("POST"))).toContain('"ForceNewCluster":true');
  });
});

describe("node ls", () => {
  const broken = "the manager on this node is broken: no space left on device";

  it("says who leads, who can be reached and who cannot", async () => {
    const managers = [
      { Leader: true, Reachability: "reachable", Addr: "10.0.0.1:2377" },
      { Reachability: "reachable", Addr: "10.0.0.2:2377" },
      { Reachability: "unreachable", Addr: "10.0.0.3:2377" },
    ] as const;
    const nodes = managers.map((ManagerStatus, at) => ({ ...aNode(at + 1), ManagerStatus }));
    const answers = { "GET /nodes": ok(nodes), "GET /info": ok(info("active")) };
    const reply = await run(["node", "ls", "--format", "{{.Hostname}} {{.ManagerStatus}}"], answers);
    expect(reply.out).toBe("h1 Leader\nh2 Reachable\nh3 Unreachable\n");
    const full = { ...aNode(3), ManagerStatus: managers[2], Status: { State: "ready", Message: broken } };
    const why = await run(["node", "ls", "--format", "{{.ManagerStatus}}"], { ...answers, "GET /nodes": ok([full]) });
    expect(why.out).toBe("Unreachable (no space left on device)\n");
    const pretty = await run(["node", "inspect", "--pretty", "h3"], { "GET /nodes/h3": ok(nodes[2]) });
    expect(pretty.out).toContain(
      "Manager Status:\n Address:\t\t10.0.0.3:2377\n Raft Status:\t\tUnreachable\n Leader:\t\tNo\n",
    );
  });
});

describe("a swarm without a leader", () => {
  const message =
    "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.\n1 of 3 answers (h1); unreachable: h2 (10.0.0.2:2377) since 09:20:11 UTC.";

  it("is told of in the daemon's words, whole", async () => {
    const reply = await run(["service", "rm", "web"], { "DELETE /services/web": answer(500, { message }) });
    expect(reply).toMatchObject({ exit: 1, err: `Error response from daemon: ${message}\n` });
  });
});

describe("system backup", () => {
  it("writes what the daemon sends, and warns of what it is", async () => {
    const written = new Map<string, string>();
    const reply = await run(["system", "backup", "/b"], { "GET /skep/v1/backup": ok("x".repeat(2048)) }, { written });
    expect(reply).toMatchObject({ exit: 0, out: "Swarm state written to /b (2KiB).\n" });
    expect(reply.err).toContain("whoever reads it can become a manager");
    expect(written).toEqual(new Map([["/b", "x".repeat(2048)]]));
  });

  it.each([
    ["a daemon that cannot", answer(501, { message: "backups are not built yet" }), "/b", /not built yet/],
    ["a folder that is not there", answer(200, "x"), "/missing/b", /^open \/missing\/b: no such file or directory\n$/],
    ["a daemon that dies", broken(), "/b", /^the backup broke off \(aborted\): nothing was written, try again\n$/],
  ])("into %s writes nothing and says why", async (_, response, file, err) => {
    const written = new Map<string, string>();
    const reply = await run(["system", "backup", file], { "GET /skep/v1/backup": response }, { written });
    expect(reply.exit).toBe(1);
    expect(reply.err).toMatch(err);
    expect(written.size).toBe(0);
  });

  function broken(): HttpResponse {
    const body = (async function* () {
      yield new Uint8Array(10);
      throw new Error("aborted");
    })();
    return { status: 200, headers: {}, body };
  }
});

describe("system restore", () => {
  const files = { "/b": "the state" };

  it("sends the file as it is, with the addresses", async () => {
    let sent: Promise<string> | undefined;
    const reply = await run(
      ["system", "restore", "--advertise-addr", "10.0.0.1", "/b"],
      {
        "POST /skep/v1/restore": ({ upload }) => {
          sent = textOf(upload ?? chunks([]));
          return answer(200, '"n1"\n');
        },
      },
      { files },
    );
    expect(reply).toMatchObject({ exit: 0, calls: ["POST /skep/v1/restore?advertiseAddr=10.0.0.1"] });
    expect(reply.out).toMatch(/^Swarm restored: current node \(n1\) is now its only manager\.\n/);
    expect(await sent).toBe("the state");
  });

  it("of a locked swarm asks for its key, and sends it in a header", async () => {
    const keys: (string | undefined)[] = [];
    const locked =
      "the backup is of a locked swarm: its unlock key, of when the backup was made, is needed to restore it";
    const reply = await run(
      ["system", "restore", "/b"],
      {
        "POST /skep/v1/restore": ({ headers }) => {
          keys.push(headers["Skep-Unlock-Key"]);
          return keys.length === 1 ? answer(400, { message: locked }) : answer(200, '"n1"\n');
        },
      },
      { files, stdin: `${key}\n` },
    );
    expect(reply.exit).toBe(0);
    expect(keys).toEqual([undefined, key]);
    expect(reply.out + reply.err + reply.calls.join()).not.toContain(key);
  });

  it("of a file that is not there says so", async () => {
    const reply = await run(["system", "restore", "/none"], {}, { files });
    expect(reply).toMatchObject({ exit: 1, err: "open /none: no such file or directory\n", calls: [] });
  });
});

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of body) text += new TextDecoder().decode(chunk);
  return text;
}
