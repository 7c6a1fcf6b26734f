// A Skep daemon that the proofs kill, stop and slow down: started from the built checkout, on an engine of their choice.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { skepProgram } from "./daemon.js";
import { eventually } from "./eventually.js";
import { DockerHttp } from "./http.js";
import type { Namespaces, Resident } from "./namespaces.js";
import { kill } from "./process.js";

export interface SkepProgramOptions {
  readonly namespaces: Namespaces;
  readonly folder: string;
  readonly hostname: string;
  readonly engine: string;
  /** Further arguments of node itself. */
  readonly nodeArgs: readonly string[];
}

const START_MS = 30_000;
const METRICS_PORT = 9323;

export class SkepProgram {
  readonly http: DockerHttp;
  readonly dataFolder: string;
  readonly #options: SkepProgramOptions;
  #process: Resident | undefined;

  constructor(options: SkepProgramOptions) {
    this.#options = options;
    this.dataFolder = join(options.folder, "skep");
    this.http = new DockerHttp(join(options.folder, "skep.sock"));
  }

  get isAlive(): boolean {
    return this.#process?.isAlive ?? false;
  }

  /** Returns when its socket answers. */
  async start(): Promise<void> {
    const { namespaces, folder, hostname, engine, nodeArgs } = this.#options;
    const [node = "node", ...program] = skepProgram;
    const command = [
      ...[node, ...nodeArgs, ...program, "daemon", "--data-dir", this.dataFolder],
      ...["--host", `unix://${this.http.socketPath}`, "--engine", engine, "--name", hostname],
      ...["--metrics-addr", `127.0.0.1:${METRICS_PORT}`],
    ];
    const daemon = await namespaces.start(command, this.logPath);
    this.#process = daemon;
    await eventually(async () => !daemon.isAlive || (await this.http.get("/_ping")).status === 200, {
      what: `the daemon on ${hostname} answers`,
      withinMs: START_MS,
      everyMs: 20,
    });
    if (!daemon.isAlive) throw new Error(`the daemon on ${hostname} in ${folder} ended by itself:\n${this.log(30)}`);
  }

  /** Signals it and returns at once. */
  signal(signal: NodeJS.Signals): void {
    const pid = this.#process?.pid;
    const entered = signal === "SIGCONT" ? parentOf(pid) : undefined;
    kill(pid, signal);
    // nsenter stops with its child, but goes on only when it is told to; it is who tells us of the end.
    kill(entered, "SIGCONT");
  }

  /** Signals it and waits for its end; answers with its exit code. */
  async end(signal: NodeJS.Signals): Promise<number | undefined> {
    const entered = parentOf(this.#process?.pid);
    const ended = this.#process?.end(signal);
    kill(entered, "SIGCONT");
    return await ended;
  }

  /** The value of a metric without labels; undefined when it has none. */
  async metric(name: string): Promise<number | undefined> {
    const url = `http://127.0.0.1:${METRICS_PORT}/metrics`;
    const { stdout } = await this.#options.namespaces.run(["curl", "-sfm5", url]);
    const line = stdout.split("\n").find((each) => each.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length + 1));
  }

  get logPath(): string {
    return join(this.#options.folder, "skep.log");
  }

  log(lines: number): string {
    return existsSync(this.logPath) ? readFileSync(this.logPath, "utf8").split("\n").slice(-lines).join("\n") : "";
  }
}

function parentOf(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}
