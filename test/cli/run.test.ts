import { describe, expect, it } from "vitest";
import type { SystemStatus } from "../../src/api/types.js";
import { runCli } from "../../src/cli/index.js";
import { answer, daemon, type FakeWorldOptions, fakeWorld } from "./support/world.js";

async function run(argv: readonly string[], options: Partial<FakeWorldOptions> = {}) {
  const world = fakeWorld({ transport: daemon(() => answer(404, { message: "page not found" })), ...options });
  const exit = await runCli(argv, world);
  return { exit, out: world.out(), err: world.err() };
}

describe("only Skep", () => {
  const plain = daemon((_, path) =>
    answer(200, path === "/version" ? { Components: [{ Name: "Engine", Version: "28" }] } : []),
  );
  const env = { SKEP_ALLOW_ENGINE: "" };

  it.each([
    ["service", "ls"],
    ["node", "ls"],
    ["swarm", "init"],
    ["swarm", "leave", "--force"],
    ["system", "status"],
  ])("%s %s at a plain engine does nothing and says what to do", async (...argv) => {
    const { exit, out, err } = await run(argv, { env, transport: plain });
    expect({ exit, out }).toEqual({ exit: 1, out: "" });
    expect(err).toMatch(/^this is a Docker Engine, not Skep\.\nStart 'skep daemon'/);
  });

  it("version works there too", async () => {
    expect((await run(["version"], { env, transport: plain })).exit).toBe(0);
  });

  it("Skep is known by the version it says with every answer", async () => {
    const asked: string[] = [];
    const { exit } = await run(["service", "ls"], {
      env,
      transport: async (_address, { path }) => {
        asked.push(path);
        const headers = { "api-version": "1.50", server: "Docker/28.2.2 (linux)", "skep-version": "0.1.0" };
        return answer(200, path === "/_ping" ? undefined : [], headers);
      },
    });
    expect(asked).toEqual(["/_ping", "/v1.50/services?status=true"]);
    expect(exit).toBe(0);
  });
});

describe("what is not there yet says so, and what works meanwhile", () => {
  it.each(["config", "network", "secret", "stack", "volume"])("%s", async (noun) => {
    for (const argv of [[noun], [noun, "ls"], [noun, "deploy", "-c", "x", "y"]]) {
      const { exit, out, err } = await run(argv);
      expect({ exit, out }).toEqual({ exit: 1, out: "" });
      expect(err).toMatch(/not built yet.*(Meanwhile|work)/);
    }
  });
});

describe("the daemon", () => {
  it("gets its command line as it is", async () => {
    const seen: (readonly string[])[] = [];
    const world = fakeWorld({ transport: daemon(() => answer(404, {})) });
    const exit = await runCli(["daemon", "--data-dir", "/x", "--help", "-H", "unix:///y"], {
      ...world,
      runDaemon: async (argv) => {
        seen.push(argv);
        return 7;
      },
    });
    expect({ exit, seen }).toEqual({ exit: 7, seen: [["--data-dir", "/x", "--help", "-H", "unix:///y"]] });
  });
});

describe("waiting", () => {
  it("says after a second for what", async () => {
    let release = (): void => undefined;
    const world = fakeWorld({
      transport: async (_, { path }) => {
        if (path.endsWith("/swarm/join")) await new Promise<void>((resolve) => (release = resolve));
        return answer(200, path.endsWith("/info") ? { Swarm: { ControlAvailable: false } } : undefined, {
          "api-version": "1.50",
        });
      },
    });
    const done = runCli(["swarm", "join", "--token", "SWMTKN-1-x", "10.0.0.1:2377"], {
      ...world,
      sleep: async (ms, signal) => {
        await world.sleep(ms, signal);
        setImmediate(() => release());
      },
    });
    expect(await done).toBe(0);
    expect(world.err()).toBe("waiting for the manager at 10.0.0.1:2377 …\n");
    expect(world.out()).toBe("This node joined a swarm as a worker.\n");
  });
});

it("never shows a stack, and shows one on request", async () => {
  const transport = async (): Promise<never> => {
    throw new TypeError("odd");
  };
  expect((await run(["service", "ls"], { transport })).err).not.toContain(" at ");
  expect((await run(["service", "ls"], { transport, env: { SKEP_DEBUG: "1" } })).err).toContain(" at ");
});

describe("system status", () => {
  const status: SystemStatus = {
    Swarm: {
      ID: "q7d8e9f0a1b2c3d4",
      Nodes: { Total: 5, Down: 1 },
      Managers: {
        Total: 3,
        Reachable: 2,
        Unreachable: [{ NodeID: "n2", Hostname: "h2", Addr: "10.0.0.2:2377", Since: "09:20:11" }],
      },
      Leader: { NodeID: "n1", Hostname: "h1" },
      Raft: { Term: 4, LastIndex: 12408, AppliedIndex: 12408, SnapshotIndex: 10000 },
    },
    Tasks: {
      Running: 41,
      Pending: 2,
      Failing: 0,
      Waiting: [{ Stage: "scheduler", Count: 2, OldestSince: "2026-11-20T11:59:19Z" }],
    },
    Node: {
      Hostname: "h1",
      Version: "0.1.0",
      IsManager: true,
      IsWorker: true,
      State: "active",
      Engine: { Address: "unix:///var/run/docker.sock", Version: "20.10.24", AnswerMs: 3.2 },
      CertificateExpiry: "2027-02-18T00:00:00Z",
      Network: [{ Name: "VXLAN" }, { Name: "nft", Error: "not installed" }],
    },
    Warnings: ["two managers can lose none"],
  };

  it("tells the cluster, its tasks and this node in a few lines", async () => {
    const { exit, out } = await run(["system", "status"], { transport: daemon(() => answer(200, status)) });
    expect(exit).toBe(0);
    expect(out).toBe(
      [
        "swarm   q7d8e9f0a1b2 · 3 managers (leader h1, term 4, 12,408 entries, snapshot at 10,000) · 5 nodes, 1 down",
        "        manager h2 (10.0.0.2:2377) unreachable since 09:20:11",
        "tasks   41 running · 2 pending (2 in the scheduler, oldest 41 seconds) · 0 failing",
        "this node   h1 · manager and worker · engine 20.10.24 answers in 3 ms · certificate until 2027-02-18 · VXLAN ok, nft not installed",
        "WARNING: two managers can lose none",
        "",
      ].join("\n"),
    );
  });

  it("speaks of a node that is in no cluster and has no engine", async () => {
    const { Node } = status;
    const alone = {
      Node: {
        Hostname: "h9",
        Version: "0.1.0",
        IsManager: false,
        IsWorker: false,
        State: "inactive",
        Engine: { Address: "unix:///x", Error: "ENOENT" },
      },
      Warnings: [],
    };
    expect(Node.State).toBe("active");
    const { out } = await run(["system", "status"], { transport: daemon(() => answer(200, alone)) });
    expect(out).toBe(
      "swarm   this node is in no cluster (inactive)\nthis node   h9 · engine at unix:///x does not answer: ENOENT\n",
    );
  });

  it("--format takes json and templates", async () => {
    const transport = daemon(() => answer(200, status));
    expect(JSON.parse((await run(["system", "status", "--format", "json"], { transport })).out)).toEqual(status);
    expect((await run(["system", "status", "-f", "{{.Tasks.Running}} {{.Node.Hostname}}"], { transport })).out).toBe(
      "41 h1\n",
    );
  });
});
