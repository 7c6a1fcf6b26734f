// One host as a test sees it: an address, an engine, a Skep daemon, commands run on it, its power switch and its cable.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon, skepProgram } from "./daemon.js";
import { whichAll } from "./detect.js";
import { Engine } from "./engine.js";
import { eventually } from "./eventually.js";
import { type Image, importImage } from "./images.js";
import { Namespaces, type Resident } from "./namespaces.js";
import { SUBNET, type Switch } from "./network.js";
import { type Result, type RunOptions, run } from "./process.js";
import { cgroupOf, type RunFolder } from "./run-folder.js";

export interface HostOptions {
  readonly run: RunFolder;
  readonly network: Switch;
  /** 1 for h1 with 10.30.0.1 */
  readonly number: number;
  readonly isLiveRestore: boolean;
}

/** A running container, as far as tests ask. */
export interface RunningContainer {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
}

export class Host {
  readonly name: string;
  readonly address: string;
  /** The host's folder: sockets, logs, data. Gone when the run ends. */
  readonly folder: string;
  readonly engine: Engine;
  readonly daemon: Daemon;
  readonly #namespaces: Namespaces;
  readonly #network: Switch;
  /** Counted from 1, as names and addresses are. */
  readonly number: number;

  private constructor(options: HostOptions, folder: string, namespaces: Namespaces) {
    this.name = `h${options.number}`;
    this.address = `${SUBNET}.${options.number}`;
    this.folder = folder;
    this.#namespaces = namespaces;
    this.#network = options.network;
    this.number = options.number;
    const cgroup = cgroupOf(options.run, this.name);
    this.engine = new Engine({ namespaces, folder, cgroup, isLiveRestore: options.isLiveRestore });
    this.daemon = new Daemon({ namespaces, folder, hostname: this.name, engineSocketPath: this.engine.socketPath });
  }

  /** Up, connected, its engine answering. */
  static async start(options: HostOptions): Promise<Host> {
    const name = `h${options.number}`;
    const folder = join(options.run.path, name);
    mkdirSync(join(folder, "home"), { recursive: true });
    writeFileSync(join(folder, "resolv.conf"), "nameserver 127.0.0.1\n");
    const namespaces = await Namespaces.start(options.run, name, setUp(folder));
    await options.network.connect(namespaces, options.number);
    const host = new Host(options, folder, namespaces);
    await host.engine.start();
    return host;
  }

  /** Runs a command on the host; a non-zero exit throws unless `mayFail`. */
  exec(command: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.#namespaces.run(command, { ...options, env: { HOME: join(this.folder, "home"), ...options.env } });
  }

  /** Starts a command that stays on the host; both its outputs are appended to `logPath`. */
  start(command: readonly string[], logPath: string): Promise<Resident> {
    return this.#namespaces.start(command, logPath);
  }

  /** The `skep` command, talking to this host's own daemon. */
  skep(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.exec([...skepProgram, ...args], {
      ...options,
      env: { SKEP_HOST: `unix://${this.daemon.socketPath}`, ...options.env },
    });
  }

  /** Stock `docker`, at Skep's socket or at the engine's. `cli` is a path; the machine's first one when absent. */
  docker(args: readonly string[], options: DockerOptions): Promise<Result> {
    const socketPath = options.to === "skep" ? this.daemon.socketPath : this.engine.socketPath;
    return this.exec([options.cli ?? "docker", ...args], {
      ...options,
      env: { DOCKER_HOST: `unix://${socketPath}`, ...options.env },
    });
  }

  importImage(image: Image): Promise<void> {
    return importImage(this.engine.http, image);
  }

  /** Starts the Skep daemon; answers how long it took to answer, in ms. */
  startDaemon({ extra = [] }: { readonly extra?: readonly string[] } = {}): Promise<number> {
    return this.daemon.start(extra);
  }

  async killDaemon(signal: NodeJS.Signals = "SIGKILL"): Promise<number | undefined> {
    return await this.daemon.end(signal);
  }

  startEngine({ extra = [] }: { readonly extra?: readonly string[] } = {}): Promise<void> {
    return this.engine.start(extra);
  }

  killEngine(): Promise<void> {
    return this.engine.kill();
  }

  /** The network is silent for this host from now on; its own link stays up. */
  linkDown(): Promise<void> {
    return this.#network.disconnect(this.number);
  }

  linkUp(): Promise<void> {
    return this.#network.reconnect(this.number);
  }

  /** Power off: daemon, engine and containers end at once. It does not come back: see `cutPower`. */
  powerOff(): Promise<void> {
    return this.#namespaces.end();
  }

  /** Power cut: daemon, engine and containers end at once; what they wrote is there when they are started again. */
  async cutPower(): Promise<void> {
    // By its name, so that the machine itself is never meant.
    await this.exec(["sh", "-c", '[ "$(hostname)" = "$0" ] && kill -9 -1', this.name], { mayFail: true });
    await eventually(() => !this.daemon.isAlive && !this.engine.isAlive, {
      what: `nothing runs on ${this.name}`,
      withinMs: 10_000,
    });
  }

  /** Containers that run, those with all of `labels` (`key` or `key=value`). Asks the engine. */
  async containers(labels: readonly string[] = []): Promise<readonly RunningContainer[]> {
    const filters = encodeURIComponent(JSON.stringify({ label: labels, status: ["running"] }));
    const { json } = await this.engine.http.ok("GET", `/containers/json?filters=${filters}`);
    return (json as readonly ListedContainer[]).map(({ Id, Names, Labels, Image: image }) => ({
      id: Id,
      name: Names[0]?.slice(1) ?? "",
      labels: Labels,
      image,
    }));
  }

  /** Ends one container's first process from outside, as a crash does. Works without the engine. */
  async crashContainer(id: string): Promise<void> {
    const { json } = await this.engine.http.ok("GET", `/containers/${id}/json`);
    await this.exec(["kill", "-9", String((json as { State: { Pid: number } }).State.Pid)]);
  }
}

export interface DockerOptions extends RunOptions {
  readonly to: "engine" | "skep";
  readonly cli?: string;
}

interface ListedContainer {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly Image: string;
}

/** The docker commands of this machine: path and version, in the order of PATH, one per version. */
export async function dockerClis(): Promise<readonly { readonly path: string; readonly version: string }[]> {
  const found = new Map<string, string>();
  for (const path of whichAll("docker")) {
    const { stdout } = await run([path, "--version"], { mayFail: true });
    const version = /version ([\d.]+)/.exec(stdout)?.[1];
    if (version !== undefined && !found.has(version)) found.set(version, path);
  }
  return [...found].map(([version, path]) => ({ path, version }));
}

/** Everything below /run is the host's own, and so is its resolver; the engine is found where a person expects it. */
function setUp(folder: string): string {
  return [
    "resolv=$(readlink -f /etc/resolv.conf)",
    "mount -t tmpfs tmpfs /run",
    "mkdir -p /run/lock /run/docker /run/skep $(dirname $resolv)",
    `ln -s ${folder}/docker.sock /run/docker.sock`,
    "[ -e $resolv ] || : > $resolv",
    `mount --bind ${folder}/resolv.conf $resolv`,
  ].join("; ");
}
