// A host's own Docker Engine: dockerd and the containerd it starts, with all they keep in the host's folder.

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "./eventually.js";
import { DockerHttp } from "./http.js";
import type { Namespaces, Resident } from "./namespaces.js";
import { childrenOf, kill } from "./process.js";

export interface EngineOptions {
  readonly namespaces: Namespaces;
  /** The host's folder. */
  readonly folder: string;
  readonly cgroup: string;
  /** Containers outlive the engine's stop. */
  readonly isLiveRestore: boolean;
}

const START_MS = 30_000;

export class Engine {
  readonly socketPath: string;
  readonly http: DockerHttp;
  readonly #options: EngineOptions;
  #process: Resident | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.socketPath = join(options.folder, "docker.sock");
    this.http = new DockerHttp(this.socketPath);
  }

  get isAlive(): boolean {
    return this.#process?.isAlive ?? false;
  }

  /** `extra` are further flags of `dockerd`. */
  async start(extra: readonly string[] = []): Promise<void> {
    const { namespaces, folder, cgroup, isLiveRestore } = this.#options;
    // After a kill -9 these name processes that are gone, and dockerd would refuse or wait.
    for (const stale of ["docker.pid", "exec/containerd/containerd.pid", "docker.sock"])
      rmSync(join(folder, stale), { force: true });
    const command = [
      ...["dockerd", "--data-root", join(folder, "docker"), "--exec-root", join(folder, "exec")],
      ...["--pidfile", join(folder, "docker.pid"), "-H", `unix://${this.socketPath}`, "--cgroup-parent", cgroup],
      ...(isLiveRestore ? ["--live-restore"] : []),
      ...extra,
    ];
    const engine = await namespaces.start(command, join(folder, "docker.log"));
    this.#process = engine;
    await eventually(async () => (await this.http.get("/_ping")).status === 200 || !engine.isAlive, {
      what: `the engine in ${folder} answers\n${this.log(15)}`,
      withinMs: START_MS,
      everyMs: 20,
    });
    if (!engine.isAlive) throw new Error(`the engine in ${folder} ended by itself:\n${this.log(15)}`);
  }

  /** As `systemctl stop docker`. */
  async stop(): Promise<void> {
    await this.#process?.end("SIGTERM");
  }

  /** kill -9 of dockerd and containerd: containers and their shims live on without them. */
  async kill(): Promise<void> {
    if (this.#process === undefined) return;
    const containerds = childrenOf(this.#process.pid);
    await this.#process.end("SIGKILL");
    for (const pid of containerds) kill(pid, "SIGKILL");
  }

  /** The last lines of what it said. */
  log(lines: number): string {
    return readFileSync(join(this.#options.folder, "docker.log"), "utf8").split("\n").slice(-lines).join("\n");
  }
}
