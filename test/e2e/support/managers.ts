// Hosts that are all managers of one swarm: Docker's own inside its engines, or Skep's on embedded engines, so that nothing
// but the managers is on the way. Both are driven by the same calls; what is cut, killed and asked is the same.

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Engine } from "./engine.js";
import { eventually } from "./eventually.js";
import type { DockerHttp } from "./http.js";
import { Namespaces } from "./namespaces.js";
import { SUBNET, Switch } from "./network.js";
import { type Result, type RunOptions } from "./process.js";
import { cgroupOf, closeRunFolder, openRunFolder, type RunFolder } from "./run-folder.js";
import { SkepProgram } from "./skep-program.js";

export type Kind = "docker" | "skep";

export interface StartManagersOptions {
  /** Data folders lie on a file system of this size of their own (Skep only); on the machine's disk when absent. */
  readonly diskBytes?: number;
  /** Engine of each Skep daemon; nothing is started on them by what the proofs do. */
  readonly engine?: string;
  /** Further arguments of node, before the program's. */
  readonly nodeArgs?: (folder: string) => readonly string[];
}

/** What a manager is as a program. */
interface Program {
  readonly http: DockerHttp;
  /** Returns when its socket answers. */
  start(): Promise<unknown>;
  /** Signals it at once and waits for its end. */
  end(signal: "SIGKILL" | "SIGTERM"): Promise<unknown>;
}

/** Connections between members, for `ss`. */
const MEMBERS = "( sport = :2377 or dport = :2377 )";
const READY_MS = 60_000;
const JOIN_MS = 60_000;

/** `count` hosts h1 … hN at 10.30.0.1 … N, their programs running, in no swarm yet. */
export async function startManagers(kind: Kind, count: number, options: StartManagersOptions = {}): Promise<Managers> {
  const run = openRunFolder();
  try {
    const network = await Switch.start(run);
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    const all = await Promise.all(numbers.map((number) => ManagerHost.start({ kind, run, network, number, options })));
    return new Managers(run, all);
  } catch (error) {
    await closeRunFolder(run);
    throw error;
  }
}

export class Managers implements AsyncDisposable {
  readonly all: readonly ManagerHost[];
  readonly #run: RunFolder;

  constructor(run: RunFolder, all: readonly ManagerHost[]) {
    this.#run = run;
    this.all = all;
  }

  /** One init, then joins as managers one after another, until all are reachable. */
  async form(): Promise<void> {
    const [first, ...others] = this.all;
    if (first === undefined) throw new Error("a swarm needs a host");
    const body = { ListenAddr: "0.0.0.0:2377", AdvertiseAddr: first.address };
    await first.http.ok("POST", "/swarm/init", { body });
    for (const host of others) await this.join(host, first);
    await this.untilHealthy();
  }

  /** Makes `host` a manager of the swarm that `door` is one of; on a busy machine it may still be on its way in. */
  async join(host: ManagerHost, door: ManagerHost): Promise<void> {
    const { json } = await door.http.ok("GET", "/swarm");
    const { JoinTokens } = json as { JoinTokens: { Manager: string } };
    const body = {
      ...{ ListenAddr: "0.0.0.0:2377", AdvertiseAddr: host.address },
      ...{ RemoteAddrs: [`${door.address}:2377`], JoinToken: JoinTokens.Manager },
    };
    const { status, text } = await host.http.post("/swarm/join", body, { timeoutMs: JOIN_MS });
    const isComing = text.includes("will continue in the background") || text.includes("already part of a swarm");
    if (status !== 200 && !isComing) throw new Error(`${host.name} joins → ${status} ${text}`);
  }

  /** The manager that leads, as `door` (or the first that answers) says; undefined when none does. */
  async leader(door?: ManagerHost): Promise<ManagerHost | undefined> {
    for (const each of door === undefined ? this.all : [door]) {
      const nodes = await nodesOf(each).catch(() => undefined);
      const found = nodes?.find(({ ManagerStatus }) => ManagerStatus?.Leader === true);
      const host = this.all.find(({ address }) => found?.ManagerStatus?.Addr.startsWith(`${address}:`));
      if (host !== undefined) return host;
    }
    return undefined;
  }

  /** Waits until each of `hosts` (all when absent) says that all of them are ready and reachable managers, and who leads. */
  async untilHealthy(hosts: readonly ManagerHost[] = this.all, withinMs = READY_MS): Promise<ManagerHost> {
    const { value } = await eventually(
      async () => {
        const seen = await Promise.all(hosts.map((host) => this.#healthy(host, hosts.length)));
        return seen.every((leader) => leader === seen[0]) ? seen[0] : undefined;
      },
      { what: `${hosts.length} managers are ready, reachable and of one mind`, withinMs, everyMs: 100 },
    );
    return value;
  }

  /** Ends everything and removes every trace. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { http } of this.all) http.close();
    await closeRunFolder(this.#run);
  }

  async #healthy(host: ManagerHost, count: number): Promise<ManagerHost> {
    const nodes = await nodesOf(host);
    const good = nodes.filter(
      ({ Status, ManagerStatus }) => Status.State === "ready" && ManagerStatus?.Reachability === "reachable",
    );
    const leader = await this.leader(host);
    if (good.length < count || leader === undefined)
      throw new Error(`${host.name} sees ${good.length} good managers, leader ${leader?.name}`);
    return leader;
  }
}

export class ManagerHost {
  readonly name: string;
  readonly address: string;
  /** Its sockets, logs and data. Gone when the run ends. */
  readonly folder: string;
  readonly http: DockerHttp;
  readonly #namespaces: Namespaces;
  readonly #network: Switch;
  readonly #number: number;
  readonly #program: Program;

  private constructor(at: StartOptions, folder: string, namespaces: Namespaces, program: Program) {
    this.name = `h${at.number}`;
    this.address = `${SUBNET}.${at.number}`;
    this.folder = folder;
    this.#namespaces = namespaces;
    this.#network = at.network;
    this.#number = at.number;
    this.#program = program;
    this.http = program.http;
  }

  static async start(at: StartOptions): Promise<ManagerHost> {
    const folder = join(at.run.path, `h${at.number}`);
    mkdirSync(folder, { recursive: true });
    const namespaces = await Namespaces.start(at.run, `h${at.number}`, setUp(folder, at.options.diskBytes));
    await at.network.connect(namespaces, at.number);
    const host = new ManagerHost(at, folder, namespaces, program(at, folder, namespaces));
    await host.start();
    return host;
  }

  start(): Promise<unknown> {
    return this.#program.start();
  }

  /** Signals the manager at once and waits for its end. */
  end(signal: "SIGKILL" | "SIGTERM"): Promise<unknown> {
    return this.#program.end(signal);
  }

  /** The Skep daemon of this host. */
  get skep(): SkepProgram {
    if (this.#program instanceof SkepProgram) return this.#program;
    throw new Error(`${this.name} runs no Skep daemon`);
  }

  /** What the Skep daemon kept is gone; it does not run. */
  async wipe(): Promise<void> {
    await this.exec(["find", this.skep.dataFolder, "-mindepth", "1", "-delete"]);
  }

  /** The network is silent for this host from now on; its own link stays up. */
  cut(): Promise<void> {
    return this.#network.disconnect(this.#number);
  }

  mend(): Promise<void> {
    return this.#network.reconnect(this.#number);
  }

  /** Runs a command on the host; a non-zero exit throws unless `mayFail`. */
  exec(command: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.#namespaces.run(command, options);
  }

  /** Breaks one of the connections between managers that end here, drawn with `chance` in [0, 1); answers with how many. */
  async breakConnection(chance: number): Promise<number> {
    const { stdout } = await this.exec(["ss", "-Htn", "state", "established", MEMBERS]);
    const open = stdout.split("\n").filter((line) => line.trim() !== "");
    const [, , from, to] = (open[Math.floor(chance * open.length)] ?? "").split(/\s+/);
    if (from === undefined || to === undefined) return 0;
    const { stdout: broken } = await this.exec(["ss", "-KHtn", "src", from, "dst", to]);
    return broken.trim() === "" ? 0 : 1;
  }

  /** Breaks every connection between managers that ends here, as a middlebox does; answers with how many. */
  async breakConnections(): Promise<number> {
    const { stdout } = await this.exec(["ss", "-KHtn", "state", "established", MEMBERS]);
    return stdout.split("\n").filter((line) => line.trim() !== "").length;
  }
}

interface StartOptions {
  readonly kind: Kind;
  readonly run: RunFolder;
  readonly network: Switch;
  /** 1 for h1 with 10.30.0.1 */
  readonly number: number;
  readonly options: StartManagersOptions;
}

interface Listed {
  readonly Status: { readonly State: string };
  readonly ManagerStatus?: { readonly Leader?: boolean; readonly Reachability: string; readonly Addr: string };
}

async function nodesOf(host: ManagerHost): Promise<readonly Listed[]> {
  return (await host.http.ok("GET", "/nodes", { timeoutMs: 5_000 })).json as readonly Listed[];
}

function program({ kind, run, number, options }: StartOptions, folder: string, namespaces: Namespaces): Program {
  const hostname = `h${number}`;
  if (kind === "skep") {
    const { engine = "embedded:", nodeArgs } = options;
    return new SkepProgram({ namespaces, folder, hostname, engine, nodeArgs: nodeArgs?.(folder) ?? [] });
  }
  const engine = new Engine({ namespaces, folder, cgroup: cgroupOf(run, hostname), isLiveRestore: false });
  return {
    http: engine.http,
    start: () => engine.start(),
    end: (signal) => (signal === "SIGKILL" ? engine.kill() : engine.stop()),
  };
}

/** Everything below /run is the host's own; its data folder may be a file system of its own, which can be filled. */
function setUp(folder: string, diskBytes: number | undefined): string {
  rmSync(join(folder, "skep"), { recursive: true, force: true });
  const disk = `mkdir -p ${folder}/skep; mount -t tmpfs -o size=${diskBytes} tmpfs ${folder}/skep`;
  return ["mount -t tmpfs tmpfs /run", "mkdir -p /run/lock /run/docker /run/skep", ...(diskBytes ? [disk] : [])].join(
    "; ",
  );
}
