// A host without a machine: its own processes, mounts, network and host name. The first process in it holds all four; when
// that one dies the kernel ends every process inside and drops every mount, and it dies with this process. So nothing is
// left behind, whatever kills the test.

import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";
import { eventually } from "./eventually.js";
import { childrenOf, kill, type Result, type RunOptions, run } from "./process.js";
import { noteProcess, type RunFolder } from "./run-folder.js";

/** Reaps what is orphaned in the namespace, as any first process must. */
const LIVE = "while :; do sleep 86400 & wait $!; done";

export class Namespaces {
  /** The first process, in our numbering. */
  readonly pid: number;
  readonly #holder: ChildProcess;

  private constructor(pid: number, holder: ChildProcess) {
    this.pid = pid;
    this.#holder = holder;
  }

  /** `setUp` is shell, run inside before this returns. */
  static async start(folder: RunFolder, name: string, setUp: string): Promise<Namespaces> {
    const script = `set -e; hostname "$1"; ip link set lo up; ${setUp}\nset +e; echo ready; ${LIVE}`;
    const holder = spawn(
      "setpriv",
      [
        ...["--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child", "--mount", "--propagation", "private"],
        ...["--net", "--uts", "--ipc", "--mount-proc", "bash", "-c", script, `${folder.path}/${name}`, name],
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    await isReady(holder, name);
    const pid = childrenOf(holder.pid)[0];
    if (pid === undefined) throw new Error(`host ${name} has no first process`);
    noteProcess(folder, name, pid);
    return new Namespaces(pid, holder);
  }

  /** What to put before a command so that it runs inside. */
  get enter(): readonly string[] {
    return ["nsenter", `--target=${this.pid}`, "--mount", "--net", "--uts", "--ipc", "--pid"];
  }

  run(command: readonly string[], options?: RunOptions): Promise<Result> {
    return run([...this.enter, ...command], options);
  }

  /** Starts something that stays; both its outputs are appended to `logPath`. */
  async start(
    command: readonly string[],
    logPath: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Resident> {
    const log = openSync(logPath, "a");
    const child = spawn("nsenter", [...this.enter.slice(1), ...command], {
      stdio: ["ignore", log, log],
      env: { ...process.env, ...env },
    });
    const exited = new Promise<number>((resolve) => {
      child.once("exit", (code, signal) => resolve(code ?? (signal === null ? 1 : 137)));
    });
    // nsenter forks into the PID namespace: the program is its child.
    const { value } = await eventually(
      () => childrenOf(child.pid)[0] ?? (child.exitCode === null ? undefined : "ended"),
      {
        what: `${command.join(" ")} starts`,
        withinMs: 5_000,
        everyMs: 2,
      },
    );
    return new Resident(value === "ended" ? undefined : value, exited);
  }

  /** Power off: every process inside ends at once. */
  async end(): Promise<void> {
    const isGone = new Promise((resolve) => this.#holder.once("exit", resolve));
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return;
    kill(this.pid, "SIGKILL");
    await isGone;
  }
}

/** A program that was started inside and stays. */
export class Resident {
  /** In our numbering, so that it can be signalled from outside; undefined when it ended at once. */
  readonly pid: number | undefined;
  /** Its exit code, once it has ended. */
  readonly exited: Promise<number>;
  #isAlive = true;

  constructor(pid: number | undefined, exited: Promise<number>) {
    this.pid = pid;
    this.exited = exited;
    void exited.then(() => {
      this.#isAlive = false;
    });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Signals it and waits until it has ended; answers with its exit code. */
  async end(signal: NodeJS.Signals): Promise<number> {
    if (this.#isAlive) kill(this.pid, signal);
    return await this.exited;
  }
}

function isReady(holder: ChildProcess, name: string): Promise<void> {
  let said = "";
  return new Promise((resolve, reject) => {
    holder.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("ready\n")) resolve();
    });
    holder.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    holder.once("error", reject);
    holder.once("exit", (code) => reject(new Error(`host ${name} did not start: exit ${code}\n${said}`)));
  });
}
