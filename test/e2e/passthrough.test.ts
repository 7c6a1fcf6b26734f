// What is the engine's reaches the engine through Skep's socket, whatever the stock docker command does with it: terminals,
// streams both ways, big bodies, refusals; and when the engine is gone the swarm's side still answers.

import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { busybox, dockerClis, eventually, type Host, type Hosts, startHosts } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";
import { startSwarm } from "./support/swarm.js";

const clis = await dockerClis();
const bigMiB = 50;
/** What the daemon may grow by while it hands on many times as much. */
const growthMaxKiB = 32 * 1024;
const waitMs = 60_000;

let hosts: Hosts;
let host: Host;

onRealHosts("through Skep's socket to the engine", () => {
  beforeAll(async () => {
    hosts = await startHosts(1, { images: [busybox] });
    host = hosts.host(1);
    await startSwarm(hosts);
    await host.exec(["sh", "-c", `head -c ${bigMiB}M /dev/urandom > /run/big`]);
  });
  afterAll(() => hosts?.end());

  describe.each(clis)("docker $version", ({ path: cli }) => {
    const docker = dockerOn(cli);

    test("runs a container, tells its exit code and feeds its stdin", async () => {
      expect((await docker(["run", "--rm", "busybox", "echo", "hello"])).stdout).toBe("hello\n");
      const piped = await docker(["run", "--rm", "-i", "busybox", "sh", "-c", "cat; echo e >&2; exit 3"], {
        input: "one\ntwo\n",
        mayFail: true,
      });
      expect(piped).toEqual({ code: 3, stdout: "one\ntwo\n", stderr: "e\n" });
    });

    test("run -it, attach and exec -it have a terminal", async () => {
      const run = await onTerminal(`${cli} run -it --rm busybox sh`, "tty; echo a$((1+1))b; exit 5\n");
      expect(run.stdout).toContain("/dev/pts/0");
      expect(run.stdout).toContain("a2b");
      expect(run.code).toBe(5);
      await docker(["run", "-dit", "--name", "term", "busybox", "sh"]);
      const exec = await onTerminal(`${cli} exec -it term sh`, "tty; echo x$((2+2))y; exit 6\n");
      expect(exec.stdout).toMatch(/\/dev\/pts\/1[^]*x4y/);
      expect(exec.code).toBe(6);
      const attach = await onTerminal(`${cli} attach term`, "echo at$((3+3)); exit 7\n");
      expect(attach.stdout).toContain("at6");
      expect(attach.code).toBe(7);
      await docker(["rm", "term"]);
    });

    test("logs -f follows to the end, wait answers when it is over", async () => {
      await docker([
        "run",
        "-d",
        "--name",
        "talker",
        "busybox",
        "sh",
        "-c",
        "for i in 1 2 3; do echo $i; sleep .3; done",
      ]);
      const [logs, waited] = await Promise.all([docker(["logs", "-f", "talker"]), docker(["wait", "talker"])]);
      expect(logs.stdout).toBe("1\n2\n3\n");
      expect(waited.stdout).toBe("0\n");
      await docker(["rm", "talker"]);
    });

    test("builds an image with the classic builder, and says why it cannot", async () => {
      const recipe = "FROM busybox\nRUN echo built > /made\nCOPY big /big\n";
      const build = [
        "sh",
        "-c",
        `mkdir -p /run/b && cd /run/b && ln -f /run/big big && cat > Dockerfile && ${cli} build -t built .`,
      ];
      const env = { DOCKER_BUILDKIT: "0", DOCKER_HOST: `unix://${host.daemon.socketPath}` };
      const built = await host.exec(build, { input: recipe, env });
      expect(built.stdout).toContain("Successfully tagged built:latest");
      expect((await docker(["run", "--rm", "built", "cat", "/made"])).stdout).toBe("built\n");
      await docker(["rmi", "built"]);
      // The engine refuses before it has read the context.
      const refused = await host.exec(build, { input: "NONSENSE x\n", env, mayFail: true });
      expect(refused.stdout + refused.stderr).toMatch(/unknown instruction: NONSENSE/i);
    });

    // The same bytes with every CLI: once is enough.
    const once = cli === clis[0]?.path ? test : () => undefined;
    once(`copies ${bigMiB} MiB in and out unharmed, saves and loads them, in bounded memory`, async () => {
      await docker(["create", "--name", "box", "busybox"]);
      const before = peakKiB();
      const from = performance.now();
      await docker(["cp", "/run/big", "box:/big"]);
      await docker(["cp", "box:/big", "/run/big2"]);
      const { stdout } = await host.exec(["sha256sum", "/run/big", "/run/big2"]);
      const [sent, received] = stdout.split("\n").map((line) => line.split(" ")[0]);
      expect(received).toBe(sent);
      const { stdout: image } = await docker(["commit", "box", "saved"]);
      const through = await sh(
        `${cli} save saved > /run/saved.tar && ${cli} rmi saved >&2 && ${cli} load < /run/saved.tar`,
      );
      expect(through.stdout).toContain("Loaded image: saved:latest");
      expect((await docker(["inspect", "--format", "{{.Id}}", "saved"])).stdout).toBe(image);
      console.log(
        `docker cp in and out, save and load of ${bigMiB} MiB: ${Math.round(performance.now() - from)} ms, the daemon grew by ${Math.round((peakKiB(false) - before) / 1024)} MiB`,
      );
      expect(peakKiB(false) - before).toBeLessThan(growthMaxKiB);
      // Nothing is there to copy it to: the engine says so and hangs up while it is being sent.
      const refused = await docker(["cp", "/run/big", "nobody:/big"], { mayFail: true });
      expect(refused.stderr).toMatch(/No such container:? ?(path: )?nobody/i);
      await docker(["rm", "box"]);
      await docker(["rmi", "saved"]);
      await host.exec(["rm", "/run/big2", "/run/saved.tar"]);
    });

    test("lists what the engine has", async () => {
      await docker(["run", "-d", "--name", "shown", "-v", "vol1:/v", "busybox", "sleep", "60"]);
      expect((await docker(["ps", "--format", "{{.Names}} {{.Image}}"])).stdout).toBe("shown busybox\n");
      expect((await docker(["images", "--format", "{{.Repository}}:{{.Tag}}"])).stdout).toContain("busybox:latest\n");
      expect((await docker(["volume", "ls", "-q"])).stdout).toBe("vol1\n");
      const networks = (await docker(["network", "ls", "--format", "{{.Name}} {{.Scope}}"])).stdout.split("\n");
      expect(networks).toEqual(expect.arrayContaining(["bridge local", "host local", "none local"]));
      expect((await docker(["top", "shown"])).stdout).toContain("sleep 60");
      expect((await docker(["stats", "--no-stream", "--format", "{{.Name}}"])).stdout).toBe("shown\n");
      expect((await docker(["system", "df"])).stdout).toMatch(/Containers +\d/);
      await docker(["rm", "-f", "shown"]);
      await docker(["volume", "rm", "vol1"]);
    });

    test("events are the swarm's and the engine's in one stream", async () => {
      const format = "{{.Scope}} {{.Type}} {{.Action}}";
      const nowS = Math.floor(Date.now() / 1000);
      const followed = docker(["events", "--since", `${nowS}`, "--until", `${nowS + 4}`, "--format", format]);
      await docker(["run", "--rm", "busybox", "true"]);
      await docker(["service", "create", "-d", "--replicas", "0", "--name", "seen", "busybox"]);
      await docker(["service", "rm", "seen"]);
      const lines = (await followed).stdout.split("\n");
      expect(lines).toEqual(expect.arrayContaining(["local container start", "local container die"]));
      expect(lines).toEqual(expect.arrayContaining(["swarm service create", "swarm service remove"]));
    });
  });

  test("without the engine its paths name its socket, and the swarm's still answer; it works again when it is back", async () => {
    await host.killEngine();
    const ps = await host.docker(["ps"], { to: "skep", mayFail: true });
    expect(ps.stderr).toContain(`Cannot connect to the Docker Engine at unix://${host.engine.socketPath}`);
    expect((await host.daemon.http.get("/v1.41/containers/json")).status).toBe(503);
    const took: string[] = [];
    for (const path of ["/_ping", "/info", "/version", "/nodes", "/services", "/tasks"]) {
      const from = performance.now();
      expect({ path, status: (await host.daemon.http.get(path)).status }).toEqual({ path, status: 200 });
      const tookMs = Math.round(performance.now() - from);
      took.push(`${path} ${tookMs} ms`);
      expect(tookMs).toBeLessThan(2_000);
    }
    for (const { path: cli } of clis) {
      const from = performance.now();
      expect((await host.docker(["node", "ls"], { to: "skep", cli })).stdout).toContain("Leader");
      took.push(`docker node ls ${Math.round(performance.now() - from)} ms`);
      expect(performance.now() - from).toBeLessThan(3_000);
      const run = await host.docker(["run", "--rm", "busybox", "true"], { to: "skep", cli, mayFail: true });
      expect(run.stderr).toContain(host.engine.socketPath);
    }
    console.log(`without the engine: ${took.join(", ")}`);
    await host.startEngine();
    await eventually(async () => (await dockerOn()(["run", "--rm", "busybox", "echo", "back"])).stdout === "back\n", {
      what: "a container runs again",
      withinMs: 10_000,
    });
  });
});

interface Options {
  readonly input?: string;
  readonly mayFail?: boolean;
}

function dockerOn(cli?: string) {
  return (args: readonly string[], options: Options = {}) =>
    host.docker(args, { to: "skep", timeoutMs: waitMs, ...(cli !== undefined && { cli }), ...options });
}

function sh(script: string) {
  return host.exec(["sh", "-c", script], {
    env: { DOCKER_HOST: `unix://${host.daemon.socketPath}` },
    timeoutMs: waitMs,
  });
}

/** As typed at a terminal. */
function onTerminal(command: string, typed: string) {
  const env = { DOCKER_HOST: `unix://${host.daemon.socketPath}` };
  return host.exec(["script", "-qec", command, "/dev/null"], { input: typed, env, mayFail: true, timeoutMs: waitMs });
}

/** The most memory the daemon has held, since the last call with `restart`. */
function peakKiB(restart = true): number {
  const { pid } = host.daemon;
  if (restart) writeFileSync(`/proc/${pid}/clear_refs`, "5");
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}
