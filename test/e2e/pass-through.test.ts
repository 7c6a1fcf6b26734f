// What is the engine's, through our socket, with the stock docker CLI: terminals, exec, attach, streams, archives, builds.

import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apiFixture, type Fixture } from "../api/fixture.js";
import { Dockerd, whyNoDockerd } from "../support/dockerd.js";
import { dockerClis } from "./support/index.js";

const why = whyNoDockerd();
const clis = await dockerClis();

if (why) test.skip(`passing through to a real engine (no real engine here: ${why})`, () => {});

describe.skipIf(why)("passing through to a real engine", () => {
  const folder = mkdtempSync(join(tmpdir(), "skep-pass-"));
  let dockerd: Dockerd;
  let fixture: Fixture;
  let cli = "docker";

  beforeAll(async () => {
    dockerd = await Dockerd.start();
    fixture = await apiFixture({ engine: { kind: "socket", path: dockerd.socket } });
  });
  afterAll(async () => {
    await fixture.close();
    await dockerd.close();
    rmSync(folder, { recursive: true, force: true });
  });

  interface Result {
    readonly code: number;
    readonly out: string;
  }

  /** Standard output and error together; standard input is `input`, then its end. */
  function run(program: string, args: readonly string[], input = ""): Promise<Result> {
    return new Promise((resolve) => {
      const env = { ...process.env, DOCKER_HOST: `unix://${fixture.socketPath}`, DOCKER_BUILDKIT: "0", HOME: folder };
      const child = execFile(program, [...args], { env, timeout: 60_000, maxBuffer: 64 << 20 }, (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), out: out + err });
      });
      child.stdin?.end(input);
    });
  }
  const docker = (args: readonly string[], input?: string): Promise<Result> => run(cli, args, input);
  const quiet = ["--rm", "--network", "none"];

  describe.each(clis)("docker $version", ({ path, version }) => {
    const name = `pass-${version.replaceAll(".", "-")}`;
    beforeAll(async () => {
      cli = path;
      await docker(["run", "-d", "--name", name, "--network", "none", "busybox", "sleep", "600"]);
    });
    afterAll(() => docker(["rm", "-f", name]));

    test("what goes into a container comes out again, and its end arrives", async () => {
      expect(await docker(["run", "-i", ...quiet, "busybox", "cat"], "hello\n")).toEqual({ code: 0, out: "hello\n" });
      const large = "0123456789abcdef".repeat(65_536);
      expect((await docker(["run", "-i", ...quiet, "busybox", "cat"], large)).out.length).toBe(large.length);
    });

    test("a terminal, and the exit code", async () => {
      const command = `${path} run -it --rm --network none busybox sh -c 'tty && exit 3'`;
      const result = await run("script", ["-qec", command, "/dev/null"]);
      expect(result.out).toContain("/dev/pts/0");
      expect(result.code).toBe(3);
    });

    test("exec, again and again, with input and exit codes", async () => {
      expect(await docker(["exec", "-i", name, "cat"], "in\n")).toEqual({ code: 0, out: "in\n" });
      for (let time = 0; time < 20; time++) {
        expect(await docker(["exec", name, "sh", "-c", "echo out; exit 4"])).toEqual({ code: 4, out: "out\n" });
      }
    });

    test("logs are followed line by line", async () => {
      await docker([
        "run",
        "-d",
        "--name",
        `${name}-logs`,
        "--network",
        "none",
        "busybox",
        "sh",
        "-c",
        "for i in 1 2 3; do echo line $i; sleep 1; done",
      ]);
      const env = { ...process.env, DOCKER_HOST: `unix://${fixture.socketPath}` };
      const follower = spawn(path, ["logs", "-f", `${name}-logs`], { env });
      let text = "";
      follower.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
      await expect.poll(() => text, { timeout: 5_000 }).toContain("line 1");
      expect(text).not.toContain("line 3");
      await new Promise((resolve) => follower.once("exit", resolve));
      expect(text).toBe("line 1\nline 2\nline 3\n");
      await docker(["rm", "-f", `${name}-logs`]);
    });

    test("files are copied in and out", async () => {
      const file = join(folder, "file");
      writeFileSync(file, "data");
      expect((await docker(["cp", file, `${name}:/file`])).code).toBe(0);
      expect((await docker(["exec", name, "cat", "/file"])).out).toBe("data");
      expect((await docker(["cp", `${name}:/file`, "-"])).out).toContain("data");
    });

    test("a build of 20 MB, saved and loaded", async () => {
      const context = mkdtempSync(join(folder, "context-"));
      writeFileSync(join(context, "Dockerfile"), "FROM busybox\nCOPY big /big\n");
      writeFileSync(join(context, "big"), Buffer.alloc(20 << 20, "x"));
      const image = `${name}:built`;
      expect((await docker(["build", "-t", image, context])).out).toContain(`Successfully tagged ${image}`);
      const archive = join(folder, "image.tar");
      expect((await docker(["save", "-o", archive, image])).code).toBe(0);
      expect((await docker(["load", "-i", archive])).out).toContain(`Loaded image: ${image}`);
      await docker(["rmi", image]);
    });

    test("events of containers arrive while they happen", async () => {
      const env = { ...process.env, DOCKER_HOST: `unix://${fixture.socketPath}` };
      const events = spawn(path, ["events", "--filter", "event=die", "--format", "{{.Scope}} {{.Action}}"], { env });
      let text = "";
      events.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
      await wait(300);
      await docker(["run", ...quiet, "busybox", "true"]);
      await expect.poll(() => text, { timeout: 5_000 }).toBe("local die\n");
      events.kill();
    });

    test("what the engine refuses comes in its words", async () => {
      expect(await docker(["rm", "nope"])).toMatchObject({
        code: 1,
        out: expect.stringContaining("No such container: nope") as string,
      });
    });
  });
});
