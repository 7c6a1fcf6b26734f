// A host's Skep daemon, started from the built checkout as a person starts it.

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { eventually } from "./eventually.js";
import { DockerHttp } from "./http.js";
import type { Namespaces, Resident } from "./namespaces.js";

/** From the checkout that tests and benchmarks are run in, with the flags of node that its first line gives. */
export const skepProgram: readonly string[] = [process.execPath, ...nodeFlags("bin/skep.js"), resolve("bin/skep.js")];

/** `#!/usr/bin/env -S node --flag --` → `--flag --`. */
function nodeFlags(path: string): readonly string[] {
  const [line = ""] = readFileSync(path, "utf8").split("\n", 1);
  return line.split(" ").slice(3);
}

export interface DaemonOptions {
  readonly namespaces: Namespaces;
  readonly folder: string;
  readonly hostname: string;
  readonly engineSocketPath: string;
}

const START_MS = 20_000;

export class Daemon {
  readonly socketPath: string;
  readonly dataFolder: string;
  readonly http: DockerHttp;
  readonly #options: DaemonOptions;
  #process: Resident | undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.socketPath = join(options.folder, "skep.sock");
    this.dataFolder = join(options.folder, "skep");
    this.http = new DockerHttp(this.socketPath);
  }

  get isAlive(): boolean {
    return this.#process?.isAlive ?? false;
  }

  /** In our numbering. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Returns when its socket answers; `extra` are further flags of `skep daemon`. Answers how long it took, in ms. */
  async start(extra: readonly string[] = []): Promise<number> {
    const { namespaces, folder, hostname, engineSocketPath } = this.#options;
    const command = [
      ...[...skepProgram, "daemon", "--data-dir", this.dataFolder, "--host", `unix://${this.socketPath}`],
      ...["--engine", `unix://${engineSocketPath}`, "--name", hostname, ...extra],
    ];
    const daemon = await namespaces.start(command, join(folder, "skep.log"));
    this.#process = daemon;
    const { tookMs } = await eventually(async () => !daemon.isAlive || (await this.http.get("/_ping")).status === 200, {
      what: `the daemon on ${hostname} answers`,
      withinMs: START_MS,
      everyMs: 20,
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.log(30)}`, { cause: error });
    });
    if (!daemon.isAlive) throw new Error(`the daemon on ${hostname} ended by itself:\n${this.log(30)}`);
    return tookMs;
  }

  /** Signals it and waits for its end; answers with its exit code. */
  async end(signal: NodeJS.Signals): Promise<number | undefined> {
    return await this.#process?.end(signal);
  }

  log(lines: number): string {
    const path = join(this.#options.folder, "skep.log");
    return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(-lines).join("\n") : "(no log)";
  }
}
