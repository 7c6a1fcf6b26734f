// Several real managers in one process: on virtual time, each with a disk that outlives it, on a network whose links can be
// cut; and worker hosts that find whoever leads. What the daemon does between them (joining, restarting) is done here by hand.

import { rpcError, silentLog, silentMetrics } from "../../src/base/index.js";
import type { AgentMessage, ManagerMessage, SessionState } from "../../src/gen/skep/v1/dispatcher.js";
import { RefusalKind } from "../../src/gen/skep/v1/dispatcher.js";
import type { LogBatch } from "../../src/gen/skep/v1/logs.js";
import type { Cluster, Node } from "../../src/gen/skep/v1/objects.js";
import { NodeAvailability, NodeRole } from "../../src/gen/skep/v1/specs.js";
import { createCluster } from "../../src/manager/ca/index.js";
import { findNode } from "../../src/manager/control/index.js";
import { type KnownManager, type Leading, Manager, type NewSwarm } from "../../src/manager/index.js";
import {
  defaultAddressPool,
  defaultDataPathPort,
  defaultSubnetSize,
  initialClusterSpec,
} from "../../src/model/index.js";
import { openSealer, type Transport } from "../../src/raft/index.js";
import { SimHost } from "../../src/sim/cluster/host.js";
import { simPki } from "../../src/sim/cluster/pki.js";
import { SimProgram } from "../../src/sim/cluster/program.js";
import { User } from "../../src/sim/cluster/user.js";
import { watchedDisk } from "../../src/sim/cluster/watched-disk.js";
import { SeededRandom, SimDisk, VirtualClock } from "../../src/sim/index.js";
import type { Writer } from "../../src/store/index.js";
import { ManagerLinks } from "./manager_links.js";

const diskMs = 0.5;

/** One machine with a manager's place in the consensus; its process may be down. */
export interface Machine {
  readonly name: string;
  readonly nodeId: string;
  raftId: number;
  addr: string;
  disk: SimDisk;
  life: { readonly program: SimProgram; readonly manager: Manager } | undefined;
  peers: readonly KnownManager[];
  fatal: Error | undefined;
  lives: number;
}

export interface MachineStart {
  readonly newSwarm?: NewSwarm;
  readonly join?: boolean;
  readonly forceNewCluster?: boolean;
  readonly clusterId?: string;
}

export class ManagersSwarm {
  readonly clock = new VirtualClock();
  readonly random = new SeededRandom(7);
  readonly links = new ManagerLinks(this.clock);
  readonly machines = new Map<string, Machine>();
  readonly hosts = new Map<string, SimHost>();
  /** The last session state each host's agent was told. */
  readonly told = new Map<string, SessionState>();
  readonly user: User;
  /** What a part of a machine's leading work writes through. */
  writerOf: (machine: string, part: string, writer: Writer) => Writer = (_machine, _part, writer) => writer;
  readonly #pki = simPki();
  #raftIds = 100;

  private constructor() {
    this.user = new User({ clock: this.clock, ask: (request) => this.#ask(request) });
  }

  /** A swarm of `count` managers m1, m2 … and `workers` hosts w1, w2 …, all in place. */
  static async start(count: number, workers = 0): Promise<ManagersSwarm> {
    const swarm = new ManagersSwarm();
    await swarm.#init();
    for (let at = 2; at <= count; at += 1) await swarm.join(`m${at}`);
    // Of two voters neither can do without the other, until both know of the third.
    const know = ({ life }: Machine): boolean => life?.manager.membership.voters.length === count;
    await swarm.eventually(`${count} voters`, () => [...swarm.machines.values()].every(know));
    for (let at = 1; at <= workers; at += 1) await swarm.addWorker(`w${at}`);
    return swarm;
  }

  /** What the manager that leads has; a part of the user's interface. */
  get leading(): Leading | undefined {
    return this.leader?.life?.manager.leading;
  }

  /** Calls `fn` when the process that leads now has died. */
  onceDown(fn: () => void): void {
    this.leader?.life?.program.onEnd(fn);
  }

  /** The machine whose manager leads in the highest term. */
  get leader(): Machine | undefined {
    const leaders = [...this.machines.values()].filter(({ life }) => life?.manager.leading !== undefined);
    const termOf = ({ life }: Machine): number => life?.manager.raftStatus.term ?? 0;
    return leaders.sort((a, b) => termOf(b) - termOf(a))[0];
  }

  /** Raft ids that vote, as the leader sees it. */
  get voters(): readonly number[] {
    return this.leader?.life?.manager.membership.voters ?? [];
  }

  get cluster(): Cluster {
    return given(this.leaderStore.cluster);
  }

  get leaderStore(): Manager["store"] {
    return given(this.leader?.life).manager.store;
  }

  machine(name: string): Machine {
    return given(this.machines.get(name));
  }

  manager(name: string): Manager {
    return given(this.machine(name).life).manager;
  }

  /** By host name, as the leader has it. */
  node(name: string): Node {
    return findNode(this.leaderStore, this.machines.get(name)?.nodeId ?? name);
  }

  host(name: string): SimHost {
    return given(this.hosts.get(name));
  }

  do<T>(promise: Promise<T>, limitMs = 20_000): Promise<T> {
    return this.clock.finish(promise, limitMs);
  }

  eventually(what: string, predicate: () => boolean, limitMs = 20_000): Promise<void> {
    return this.clock.runUntil(predicate, limitMs, what);
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /** What `join` with the manager's token does: a certificate, a process with an empty log, a place in the consensus. */
  async join(name: string): Promise<Machine> {
    const nodeId = await this.#certify(name, "manager");
    const machine = this.#newMachine(name, nodeId);
    await this.enter(machine);
    return machine;
  }

  /** A node that is a manager by its role takes its place: what the daemon does after a promotion. */
  async enter(machine: Machine): Promise<void> {
    machine.raftId = this.#raftIds += 1;
    machine.disk = this.#newDisk();
    this.machines.set(machine.name, machine);
    const request = { raftId: machine.raftId, addr: machine.addr };
    const { peers } = await this.do(given(this.leading).members.join(machine.nodeId, request));
    machine.peers = peers;
    await this.do(this.begin(machine, { join: true }));
  }

  /** A worker host: its own engine and the real worker. */
  async addWorker(name: string): Promise<SimHost> {
    const nodeId = await this.#certify(name, "worker");
    return this.addHost(name, nodeId);
  }

  /** The worker of a node, be it a manager or not. */
  async addHost(name: string, nodeId: string): Promise<SimHost> {
    const host = new SimHost(
      {
        ...{ name, address: `10.1.0.${this.hosts.size + 1}`, nodeId, clusterId: this.cluster.id, linkDelayMs: 1 },
        engine: { startMs: 20, stopMs: 20 },
      },
      {
        ...{ clock: this.clock, random: this.random.fork(name), log: silentLog },
        managers: { addresses: ["leader"], accept: (_to, ...caller) => this.#accept(...caller) },
        onEngineCall: () => undefined,
        onBroken: (error) => {
          throw error;
        },
        agentSaid: () => undefined,
        managerSaid: (message) => {
          if (message.$case === "state") this.told.set(name, message.value);
          if (message.$case === "welcome" && message.value.state) this.told.set(name, message.value.state);
        },
        wrong: (what) => {
          throw new Error(what);
        },
      },
    );
    this.hosts.set(name, host);
    host.startDaemon();
    await this.eventually(`${name} has a session`, () => host.isConnected);
    return host;
  }

  /** down → up. */
  begin(machine: Machine, { newSwarm, ...how }: MachineStart = {}): Promise<void> {
    machine.lives += 1;
    machine.fatal = undefined;
    const { nodeId, addr: advertiseAddr, raftId, peers } = machine;
    const program = new SimProgram(`${machine.name} ${machine.lives}`, this.clock);
    const manager: Manager = new Manager(
      {
        ...{ nodeId, advertiseAddr, raftId, newSwarm, ...how, peers, freezeRows: true },
        onFatal: (error) => {
          if (!program.isDead) machine.fatal = error;
        },
      },
      {
        disk: watchedDisk(program, machine.disk.mount(), { onSynced: () => undefined, onFailed: () => undefined }),
        ...{ sealer: openSealer, pki: this.#pki, clock: program.clock },
        random: this.random.fork(`${machine.name} ${machine.lives}`),
        ...{ log: silentLog, metrics: silentMetrics },
        nextTurn: (fn) => void program.clock.after(0, fn),
        transport: this.#transport(program, raftId),
        writerOf: (part, writer) => this.writerOf(machine.name, part, writer),
      },
    );
    this.links.join(raftId, {
      get isRunning() {
        return !program.isDead;
      },
      receive: (message) => {
        if (!program.isDead) manager.step(message);
      },
      receiveSnapshot: (message, chunks) =>
        program.isDead ? Promise.reject(new Error("down")) : manager.receiveSnapshot(message, chunks),
    });
    machine.life = { program, manager };
    return manager.start();
  }

  /** kill -9: what was synced is there. The others' connections break. */
  kill(name: string): void {
    const machine = this.machine(name);
    machine.life?.program.kill();
    machine.life = undefined;
    machine.disk.kill();
    for (const other of this.machines.values()) {
      this.clock.after(1, () => other.life?.manager.connectionBroken(machine.raftId));
    }
  }

  restart(name: string): Promise<void> {
    return this.do(this.begin(this.machine(name)));
  }

  /** SIGTERM. */
  async stop(name: string): Promise<void> {
    const machine = this.machine(name);
    const { life } = machine;
    await this.do(given(life).manager.stop());
    this.kill(name);
  }

  /** Nothing passes between these managers and the others; returns what ends that. */
  isolate(...names: readonly string[]): () => void {
    const inside = names.map((name) => this.machine(name).raftId);
    const outside = [...this.machines.values()].map(({ raftId }) => raftId).filter((id) => !inside.includes(id));
    const ends = inside.flatMap((a) => outside.flatMap((b) => [this.links.cut(a, b), this.links.cut(b, a)]));
    return () => {
      for (const end of ends) end();
    };
  }

  /** `node promote` and `node demote`. */
  setRole(name: string, role: keyof typeof NodeRole): Promise<void> {
    const change = (spec: NonNullable<Node["spec"]>) => ({ ...spec, desiredRole: NodeRole[role] });
    return this.do(this.user.updateNode(this.node(name).id, change));
  }

  async #init(): Promise<void> {
    const { clock, random } = this;
    const cluster = await createCluster({}, { clock, random, pki: this.#pki });
    const machine = this.#newMachine("m1", cluster.nodeId);
    this.machines.set("m1", machine);
    const newSwarm: NewSwarm = {
      ...{ cluster, spec: initialClusterSpec(), availability: NodeAvailability.ACTIVE, hostname: "m1" },
      ...{ defaultAddressPool, subnetSize: defaultSubnetSize, dataPathPort: defaultDataPathPort },
    };
    await this.do(this.begin(machine, { newSwarm }));
    await this.eventually("m1 leads", () => this.leading !== undefined);
  }

  #newMachine(name: string, nodeId: string): Machine {
    const addr = `10.0.0.${this.machines.size + 1}:2377`;
    const raftId = (this.#raftIds += 1);
    return {
      name,
      nodeId,
      raftId,
      addr,
      disk: this.#newDisk(),
      life: undefined,
      peers: [],
      fatal: undefined,
      lives: 0,
    };
  }

  #newDisk(): SimDisk {
    const disk = new SimDisk({ clock: this.clock });
    Object.assign(disk.delayMs, { sync: diskMs });
    return disk;
  }

  async #certify(hostname: string, kind: "manager" | "worker"): Promise<string> {
    const joinToken = given(this.cluster.rootCa?.joinTokens)[kind];
    const request = { csr: "a request", joinToken, hostname, availability: NodeAvailability.ACTIVE };
    const nothing = { expiredCertificate: "", expiredProof: Buffer.alloc(0) };
    const issued = given(this.leading).ca.issue({ address: "10.0.0.99" }, { ...request, ...nothing });
    return (await this.do(issued)).nodeId;
  }

  #transport(program: SimProgram, self: number): Transport {
    return {
      send: (messages) => {
        if (!program.isDead) for (const message of messages) this.links.send(message);
      },
      sendSnapshot: (message, chunks) => this.links.sendSnapshot(message, chunks),
      probe: (member) => this.links.probe(self, member),
    };
  }

  /** Ends with the leader that was asked. */
  #ask<T>(request: (leading: Leading) => Promise<T>): Promise<T> {
    const { leading } = this;
    if (leading === undefined) return Promise.reject(rpcError("Unavailable", "there is no leader"));
    const died = new Promise<never>((_, reject) => {
      this.onceDown(() => reject(rpcError("Unavailable", "the leader died")));
    });
    died.catch(() => undefined);
    return Promise.race([request(leading), died]);
  }

  /** The daemon's connector finds the leader; a host here reaches it at once. */
  #accept(nodeId: string, address: string, incoming: AsyncIterable<AgentMessage>, signal: AbortSignal) {
    const machine = this.leader ?? [...this.machines.values()].find(({ life }) => life !== undefined);
    if (machine?.life === undefined) return undefined;
    const { program, manager } = machine.life;
    const peer = { nodeId, role: NodeRole.WORKER, address };
    return {
      program,
      answer: manager.leading?.dispatcher.session(peer, incoming, signal) ?? notLeader(manager),
      publish: async (batches: AsyncIterable<LogBatch>, until: AbortSignal) =>
        manager.leading?.logs.publish(nodeId, batches, until),
    };
  }
}

async function* notLeader(manager: Manager): AsyncGenerator<ManagerMessage> {
  const leaderAddr = manager.leaderAddr();
  const refusal = { kind: RefusalKind.NOT_LEADER, message: "this manager does not lead the swarm", leaderAddr };
  yield { message: { $case: "refusal", value: refusal } };
}

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("there is none");
  return value;
}
