// One real Docker Engine for a test: its own network and mount namespaces, its own folders, a busybox image, and an end.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  accessSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** How long a daemon may take to come up or to end, milliseconds. */
const upMaxMs = 60_000;
const downMaxMs = 30_000;

/** The image every engine has. */
export const busyboxImage = "busybox:latest";

/** Why no engine can be started here; undefined when one can. */
export function whyNoDockerd(): string | undefined {
  if (process.getuid?.() !== 0) return "not root";
  for (const program of ["dockerd", "containerd", "runc", "nsenter", "unshare", "ip", "busybox", "tar", "docker"]) {
    if (!onPath(program)) return `no ${program} on this machine`;
  }
  return undefined;
}

export class Dockerd {
  readonly folder: string;
  readonly socket: string;
  readonly #arguments: readonly string[];
  readonly #holder: ChildProcess;
  #daemon: ChildProcess | undefined;

  private constructor(folder: string, holder: ChildProcess, extra: readonly string[]) {
    this.folder = folder;
    this.socket = join(folder, "docker.sock");
    this.#holder = holder;
    const own = { "--data-root": "data", "--exec-root": "exec", "--pidfile": "docker.pid" };
    this.#arguments = Object.entries(own)
      .flatMap(([flag, name]) => [flag, join(folder, name)])
      .concat("-H", `unix://${this.socket}`, "--cgroup-parent", `/${basename(folder)}`)
      .concat("--live-restore", "--storage-driver", "overlay2", extra);
  }

  /** Starts one and imports busybox. Networks of the host are out of its reach. `extra` are more flags for dockerd. */
  static async start(extra: readonly string[] = []): Promise<Dockerd> {
    const folder = mkdtempSync(join(tmpdir(), "skep-dockerd-"));
    // Keeps the namespaces alive while the daemon is killed and started again.
    const holder = spawn("unshare", ["--net", "--mount", "--propagation", "private", "sleep", "infinity"]);
    const dockerd = new Dockerd(folder, holder, extra);
    try {
      await dockerd.#prepare();
      await dockerd.up();
      dockerd.#importBusybox();
      return dockerd;
    } catch (error) {
      await dockerd.close();
      throw new Error(`no Docker Engine: ${dockerd.logTail()}`, { cause: error });
    }
  }

  get address(): string {
    return `unix://${this.socket}`;
  }

  /** Pid of the daemon. */
  get pid(): number {
    return Number(readFileSync(join(this.folder, "docker.pid"), "utf8"));
  }

  /** Runs a command in the engine's namespaces and gives its output. */
  run(...command: readonly string[]): string {
    return execFileSync("nsenter", [...this.#enter(), ...command], { encoding: "utf8" });
  }

  /** Runs the docker CLI against it. */
  cli(...words: readonly string[]): string {
    return execFileSync("docker", ["-H", this.address, ...words], { encoding: "utf8" });
  }

  /** Starts the daemon (again) and waits until it answers. */
  async up(): Promise<void> {
    // After kill -9 the pid files name dead processes, and the first start would fail on them.
    for (const stale of ["docker.pid", "exec/containerd/containerd.pid"])
      rmSync(join(this.folder, stale), { force: true });
    const log = openSync(join(this.folder, "dockerd.log"), "a");
    this.#daemon = spawn("nsenter", [...this.#enter(), "dockerd", ...this.#arguments], { stdio: ["ignore", log, log] });
    await until("dockerd to answer", upMaxMs, () => {
      if (this.#daemon?.exitCode !== null) throw new Error("dockerd ended");
      return answers(this.socket);
    });
  }

  /** kill -9, as a crash does it. Containers run on. */
  async crash(): Promise<void> {
    const pid = this.pid;
    process.kill(pid, "SIGKILL");
    await until("dockerd to be gone", downMaxMs, () => !existsSync(`/proc/${pid}`));
    await this.#awaitDaemonEnd();
  }

  freeze(): void {
    process.kill(this.pid, "SIGSTOP");
  }

  thaw(): void {
    process.kill(this.pid, "SIGCONT");
  }

  /** Ends the daemon, everything it left running in its namespaces, and its folders. */
  async close(): Promise<void> {
    if (this.#daemon?.exitCode === null && existsSync(join(this.folder, "docker.pid"))) {
      // Stopped containers leave no shim behind; what is not stopped in time is killed below.
      quietly(() => this.thaw());
      quietly(() => process.kill(this.pid, "SIGTERM"));
      await this.#awaitDaemonEnd();
    }
    for (const pid of this.#survivors()) quietly(() => process.kill(pid, "SIGKILL"));
    await until("everything of the engine to end", downMaxMs, () => this.#survivors().length === 0);
    this.#holder.kill("SIGKILL");
    await until("its mounts to go", downMaxMs, () => removed(this.folder));
    removeCgroups(basename(this.folder));
  }

  logTail(): string {
    const file = join(this.folder, "dockerd.log");
    return existsSync(file) ? readFileSync(file, "utf8").slice(-2000) : "(no log)";
  }

  #enter(): string[] {
    const pid = String(this.#holder.pid);
    return ["--target", pid, "--net", "--mount"];
  }

  async #prepare(): Promise<void> {
    await until("its namespaces", downMaxMs, () => namespaceOf(this.#holder.pid) !== namespaceOf(process.pid));
    this.run("ip", "link", "set", "lo", "up");
    // Sockets of network plugins lie under /run/docker whatever --exec-root says.
    mkdirSync("/run/docker", { recursive: true });
    mkdirSync(join(this.folder, "run"));
    this.run("mount", "--bind", join(this.folder, "run"), "/run/docker");
  }

  #importBusybox(): void {
    const root = join(this.folder, "busybox");
    for (const each of ["bin", "etc", "tmp", "proc", "sys", "dev"]) mkdirSync(join(root, each), { recursive: true });
    cpSync(onPath("busybox") ?? "", join(root, "bin/busybox"));
    for (const applet of execFileSync("busybox", ["--list"], { encoding: "utf8" }).trim().split("\n")) {
      if (applet !== "busybox") symlinkSync("busybox", join(root, "bin", applet));
    }
    const tar = join(this.folder, "busybox.tar");
    execFileSync("tar", ["-C", root, "-cf", tar, "."]);
    this.cli("import", "--change", 'CMD ["sh"]', tar, busyboxImage);
  }

  async #awaitDaemonEnd(): Promise<void> {
    await until("dockerd to end", downMaxMs, () => this.#daemon?.exitCode !== null || this.#daemon.signalCode !== null);
  }

  /** Processes other than the holder that name our folder: containerd, its shims, and what the shims run. */
  #survivors(): number[] {
    const shims = processes().filter(({ command }) => command.includes(this.folder));
    const ids = new Set(shims.map(({ pid }) => pid));
    const children = processes().filter(({ parent }) => ids.has(parent));
    return [...ids, ...children.map(({ pid }) => pid)];
  }
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

function processes(): Process[] {
  const lines = execFileSync("ps", ["-eo", "pid=,ppid=,stat=,args="], { encoding: "utf8" }).split("\n");
  return lines.flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s(.*)$/.exec(line);
    if (!match || match[3]?.startsWith("Z")) return [];
    return [{ pid: Number(match[1]), parent: Number(match[2]), command: match[4] ?? "" }];
  });
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    request({ socketPath: socket, path: "/_ping", timeout: 1000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    })
      .on("error", () => resolve(false))
      .on("timeout", () => resolve(false))
      .end();
  });
}

async function until(what: string, limitMs: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`waited ${limitMs} ms for ${what}`);
    await wait(50);
  }
}

function namespaceOf(process: number | undefined): string {
  return readlinkSync(`/proc/${process}/ns/net`);
}

function onPath(program: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(":")
    .concat("/usr/sbin", "/sbin")
    .map((folder) => join(folder, program))
    .find((file) => {
      try {
        accessSync(file);
        return true;
      } catch {
        return false;
      }
    });
}

function removed(folder: string): boolean {
  quietly(() => rmSync(folder, { recursive: true, force: true }));
  return !existsSync(folder);
}

/** A folder per controller (version 1) or one (version 2). They are empty of processes by now. */
function removeCgroups(name: string): void {
  const root = "/sys/fs/cgroup";
  for (const parent of [root, ...readdirSync(root).map((each) => join(root, each))]) {
    const found = join(parent, name);
    if (existsSync(found))
      quietly(() => execFileSync("find", [found, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]));
  }
}

function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // It was gone already.
  }
}
