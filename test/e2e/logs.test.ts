// `service logs` on real hosts, by the stock docker CLIs and ours: every task's lines with its name, in the order of time;
// what is asked for of them; and a host that is silent, which is named and holds nobody up.

import { afterAll, beforeAll, expect, test } from "vitest";
import { skepProgram } from "./support/daemon.js";
import { busybox, dockerClis, eventually, type Hosts, type Result, startHosts } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";
import { startSwarm, untilRunning } from "./support/swarm.js";

interface Cli {
  readonly name: string;
  /** Absent: ours. */
  readonly path?: string;
}

const skep: Cli = { name: "skep" };
const clis: readonly Cli[] = [
  ...(await dockerClis()).map(({ version, path }) => ({ name: `docker ${version}`, path })),
  skep,
];
/** One line a tenth of a second for a second, its number and time; one of errors; then one more now and then. */
const script =
  'for i in 1 2 3 4 5 6 7 8 9 10; do echo "line $i $(date +%s)"; sleep 0.1; done; echo trouble >&2; while sleep 1; do echo tick; done';

let hosts: Hosts;

onRealHosts("service logs", () => {
  beforeAll(async () => {
    hosts = await startHosts(3, { images: [busybox] });
    await startSwarm(hosts);
    await create("web", 3, script);
    const labelled = ["--container-label", "tier=front", "--log-driver", "json-file", "--log-opt", "labels=tier"];
    await create("grows", 3, script, labelled);
    await create("shell", 1, "echo on a terminal; sleep 600", ["--tty"]);
    await Promise.all([untilRunning(hosts, "web", 3, 15_000), untilRunning(hosts, "grows", 3, 15_000)]);
    await eventually(async () => (await logs(skep, "web")).stderr.split("trouble").length === 4, {
      what: "every task said all it has to say at first",
      withinMs: 10_000,
    });
  });
  afterAll(() => hosts?.end());

  test.each(clis)("$name shows every task's lines, named, each in its order", async (cli) => {
    const { stdout, stderr } = await logs(cli, "web");
    const lines = stdout.split("\n").filter((line) => line.includes("line "));
    expect(lines).toHaveLength(30);
    for (const slot of [1, 2, 3]) {
      const own = lines.filter((line) => line.startsWith(`web.${slot}.`));
      expect(own[0]).toMatch(/^web\.\d\.[0-9a-z]{12}@h\d {4}\| line 1 \d+$/);
      expect(own.map((line) => /line (\d+)/.exec(line)?.[1]).join()).toBe("1,2,3,4,5,6,7,8,9,10");
    }
    expect(new Set(lines.map((line) => /@(h\d)/.exec(line)?.[1]))).toEqual(new Set(["h1", "h2", "h3"]));
    expect(stderr.match(/^web\.\d\.[0-9a-z]{12}@h\d {4}\| trouble$/gm)).toHaveLength(3);
  });

  test.each(clis)("$name: --timestamps are in order over all hosts", async (cli) => {
    const { stdout } = await logs(cli, "--timestamps", "web");
    const times = stdout.match(/2\d{3}-\S+T\S+Z/g) ?? [];
    // A tick is a second away from the thirty lines.
    expect(times.length).toBeGreaterThanOrEqual(30);
    expect(times).toEqual(times.toSorted());
    expect(times[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  });

  test.each(clis)("$name: --tail counts for each task, --since cuts, --raw leaves the names out", async (cli) => {
    const tail = (await logs(cli, "--tail", "2", "web")).stdout.trim().split("\n");
    expect(tail.length).toBeLessThanOrEqual(6);
    expect(tail.length).toBeGreaterThan(2);
    expect((await logs(cli, "--since", "1h", "web")).stdout).toContain("line 1 ");
    expect((await logs(cli, "--since", "2030-01-02T13:23:37Z", "web")).stdout).toBe("");
    const raw = (await logs(cli, "--raw", "web")).stdout.split("\n");
    expect(raw.filter((line) => /^line \d+ \d+$/.test(line))).toHaveLength(30);
    const taskId = (await hosts.host(1).skep(["service", "ps", "-q", "--no-trunc", "web"])).stdout.split("\n")[0] ?? "";
    const one = (await logs(cli, taskId)).stdout.split("\n").filter((line) => line.includes("line "));
    expect(one).toHaveLength(10);
    expect(one.every((line) => line.includes(taskId.slice(0, 12)))).toBe(true);
  });

  test.each(clis)("$name: --details shows what the log driver adds", async (cli) => {
    const { stdout } = await logs(cli, "--details", "--tail", "1", "grows");
    expect(
      stdout
        .trim()
        .split("\n")
        .every((line) => line.includes(" | tier=front ")),
    ).toBe(true);
  });

  test.each(clis)("$name: what a terminal says is had with --raw only", async (cli) => {
    const refused = await logs(cli, "shell");
    expect(refused).toMatchObject({ code: 1, stderr: "tty service logs only supported with --raw\n" });
    expect((await logs(cli, "--raw", "shell")).stdout).toBe("on a terminal\r\n");
  });

  test.each(clis)("$name: --follow goes on, with tasks that come later", async (cli) => {
    const following = logs(cli, ["timeout", "5"], "--follow", "--tail", "1", "grows");
    const slot = 4 + clis.indexOf(cli);
    await hosts.host(1).skep(["service", "scale", "--detach", `grows=${slot}`]);
    const { stdout, stderr } = await following;
    const ticks = stdout.split("\n").filter((line) => line.includes("| tick"));
    expect(ticks.length, `${stdout} ${stderr}`).toBeGreaterThan(6);
    const ofTheNew = stdout.split("\n").filter((line) => line.startsWith(`grows.${slot}.`));
    expect(ofTheNew.filter((line) => /\| line \d/.test(line))).toHaveLength(10);
  });

  test("a host that is silent is named, and nobody hangs", async () => {
    const following = logs(clis[0] ?? skep, ["timeout", "8"], "--follow", "--tail", "1", "web");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await hosts.host(3).linkDown();
    const reason = "warning: incomplete log stream. some logs could not be retrieved for the following reasons: node ";
    for (const cli of clis) {
      const from = performance.now();
      const { code, stdout, stderr } = await logs(cli, "web");
      console.log(
        `${cli.name}, one host silent: ${Math.round(performance.now() - from)} ms, ${code}: ${stderr.trim()}`,
      );
      expect(performance.now() - from).toBeLessThan(15_000);
      const lines = stdout.split("\n").filter((line) => line.includes("line "));
      expect(lines.length).toBeGreaterThanOrEqual(20);
      expect(lines.filter((line) => line.includes("@h3"))).toEqual([]);
      expect(stderr).toContain(
        `error from daemon in stream: Error grabbing logs: rpc error: code = Unknown desc = ${reason}`,
      );
      expect(code).toBe(1);
    }
    const { stdout, stderr } = await following;
    expect(stderr).toMatch(/^web\.\d\.[0-9a-z]{12}@h3 {4}\| warning: incomplete log stream\. .*: node [0-9a-z]{25} /m);
    expect(stdout.split("\n").filter((line) => line.includes("| tick")).length).toBeGreaterThan(8);
  });
});

async function create(name: string, replicas: number, command: string, flags: readonly string[] = []): Promise<void> {
  const given = ["--name", name, "--replicas", `${replicas}`, "--stop-grace-period", "1s", ...flags];
  await hosts.host(1).skep(["service", "create", "--detach", ...given, "busybox", "sh", "-c", command]);
}

/** `[…] service logs …` on the manager's host; what stands before is another command that runs it. */
function logs(cli: Cli, ...[first, ...rest]: [string | readonly string[], ...string[]]): Promise<Result> {
  const before = typeof first === "string" ? [] : first;
  const args = ["service", "logs", ...(typeof first === "string" ? [first] : []), ...rest];
  const command = cli.path === undefined ? skepProgram : [cli.path];
  const socket = `unix://${hosts.host(1).daemon.socketPath}`;
  const env = { DOCKER_HOST: socket, SKEP_HOST: socket };
  return hosts.host(1).exec([...before, ...command, ...args], { mayFail: true, timeoutMs: 30_000, env });
}
