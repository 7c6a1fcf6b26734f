// More Skep daemons on a host than its own one: each with its data folder and socket, on the host's engine.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { skepProgram } from "./daemon.js";
import { eventually } from "./eventually.js";
import type { Host } from "./host.js";
import { DockerHttp } from "./http.js";
import type { Result, RunOptions } from "./process.js";

export interface OneMoreOptions {
  /** Names its socket and its log. */
  readonly name: string;
  /** Below the host's folder when absent. */
  readonly dataDir?: string;
}

export class OneMoreDaemon {
  readonly http: DockerHttp;
  readonly dataDir: string;
  readonly socketPath: string;
  readonly #host: Host;
  readonly #name: string;
  #pid = 0;

  constructor(host: Host, { name, dataDir }: OneMoreOptions) {
    this.#host = host;
    this.#name = name;
    this.dataDir = dataDir ?? join(host.folder, name);
    this.socketPath = join(host.folder, `${name}.sock`);
    this.http = new DockerHttp(this.socketPath);
  }

  /** What starts it, with `extra` flags. */
  command(extra: readonly string[] = []): readonly string[] {
    const flags = ["--data-dir", this.dataDir, "--host", `unix://${this.socketPath}`, "--name", this.#name];
    return [...skepProgram, "daemon", ...flags, "--engine", `unix://${this.#host.engine.socketPath}`, ...extra];
  }

  async start(): Promise<void> {
    const script = `setsid "$@" >> ${this.#host.folder}/${this.#name}.log 2>&1 < /dev/null & echo $!`;
    const { stdout } = await this.#host.exec(["sh", "-c", script, "sh", ...this.command()]);
    this.#pid = Number(stdout);
    await eventually(async () => (await this.http.get("/_ping")).status === 200, {
      what: `the daemon ${this.#name} answers`,
      withinMs: 10_000,
      everyMs: 20,
    });
  }

  async isAlive(): Promise<boolean> {
    return (await this.#host.exec(["kill", "-0", String(this.#pid)], { mayFail: true })).code === 0;
  }

  async kill(): Promise<void> {
    await this.#host.exec(["kill", "-9", String(this.#pid)], { mayFail: true });
    await eventually(async () => !(await this.isAlive()), { what: `${this.#name} is gone`, withinMs: 5_000 });
  }

  skep(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.#host.skep(args, { ...options, env: { SKEP_HOST: `unix://${this.socketPath}` } });
  }

  log(): string {
    return readFileSync(join(this.#host.folder, `${this.#name}.log`), "utf8");
  }
}
