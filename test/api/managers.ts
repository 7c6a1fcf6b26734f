// Managers of one swarm without a network: an Api each over one store, a leader that can be changed, and links between them
// that fail as a test says. All on virtual time.

import { Api, type ApiRequest, type ApiResponse, type Node, type NodeState, type Quorum } from "../../src/api/index.js";
import { newId, SwarmError, silentLog, silentMetrics } from "../../src/base/index.js";
import { Cluster } from "../../src/gen/skep/v1/objects.js";
import { Control, predefinedNetworks } from "../../src/manager/control/index.js";
import { explain, plan } from "../../src/manager/insight/index.js";
import { initialClusterSpec } from "../../src/model/index.js";
import { SeededRandom, VirtualClock } from "../../src/sim/index.js";
import { type Log, NotLeader, Store, type Writer } from "../../src/store/index.js";

/** What becomes of a proposal: after it, `fail` is what the writer is told instead of success. */
export interface Fate {
  readonly isApplied: boolean;
  readonly fail?: Error;
}

/** What becomes of a request on its way to the leader. */
export type LinkFate =
  | "arrives"
  /** The leader is gone before it reads it. */
  | "lost"
  /** The leader does what it was asked and dies before it says so. */
  | "answer lost"
  /** Nothing comes back, ever. */
  | "hangs";

export interface Asked {
  readonly from: number;
  readonly to: number;
  readonly request: ApiRequest;
}

const refusing: Writer = {
  term: 0,
  update: () => Promise.reject(new NotLeader()),
  once: () => Promise.reject(new NotLeader()),
};

export class Managers {
  readonly clock = new VirtualClock();
  readonly random = new SeededRandom(1);
  readonly apis: readonly Api[];
  readonly nodes: readonly ManagerNode[];
  readonly asked: Asked[] = [];
  /** Taken one by one; then all is well. */
  readonly fates: Fate[] = [];
  readonly linkFates: LinkFate[] = [];
  readonly store: Store;
  leader: number | undefined;
  term = 0;
  #writer: Writer = refusing;

  private constructor(count: number) {
    const { clock } = this;
    const log: Log = { propose: (data, term) => this.#propose(data, term) };
    this.store = new Store({ freeze: true }, { clock, log, metrics: silentMetrics });
    this.nodes = Array.from({ length: count }, (_, at) => new ManagerNode(this, at));
    this.apis = this.nodes.map((node) => this.#apiOf(node));
  }

  static async start(count: number): Promise<Managers> {
    const managers = new Managers(count);
    managers.elect(0);
    await managers.#writer.update((tx) => {
      tx.put("cluster", Cluster.fromPartial({ id: "cluster", spec: initialClusterSpec(), rootCa: {} }));
      for (const network of predefinedNetworks(() => newId(managers.random))) tx.put("network", network);
    });
    return managers;
  }

  /** Nobody leads from now on. */
  depose(): void {
    this.store.unlead();
    this.leader = undefined;
    this.#writer = refusing;
    for (const node of this.nodes) node.changed();
  }

  elect(at: number): void {
    if (this.leader !== undefined) this.depose();
    this.term += 1;
    this.leader = at;
    this.#writer = this.store.lead(this.term);
    this.nodes[at]?.begin(this.controlOver(this.#writer));
    for (const node of this.nodes) node.changed();
  }

  controlOver(writer: Writer): Control {
    const { store, clock, random } = this;
    const ca = { rotateTokens: () => undefined, settleUnlockKey: () => undefined, unlockKey: () => "" };
    const membership = { managers: () => new Map() };
    return new Control({ signal: new AbortController().signal }, { store, writer, clock, random, ca, membership });
  }

  /** Asks manager `at`; the clock runs until there is an answer. */
  async ask(at: number, method: string, path: string, more: Partial<ApiRequest> & { json?: object } = {}) {
    const api = this.apis[at];
    if (api === undefined) throw new Error(`there is no manager ${at}`);
    const startedAtMs = this.clock.monotonic();
    const { json, ...rest } = more;
    const answer = this.clock.finish(
      api.handle({
        ...{ id: newId(this.random), method, path, query: "", headers: {} },
        body: json === undefined ? new Uint8Array(0) : Buffer.from(JSON.stringify(json)),
        closed: () => new AbortController().signal,
        ...(json && { headers: { "content-type": "application/json" } }),
        ...rest,
      }),
      40_000,
      "the answer",
    );
    const response = await answer;
    if ("passOn" in response) throw new Error("passed on");
    const text = response.body.kind === "bytes" ? Buffer.from(response.body.bytes).toString() : "";
    const { status, headers } = response;
    return { status, headers, text, body: response.body, tookMs: this.clock.monotonic() - startedAtMs };
  }

  create(at: number, name: string, more: Partial<ApiRequest> = {}) {
    const json = { Name: name, TaskTemplate: { ContainerSpec: { Image: "busybox" } } };
    return this.ask(at, "POST", "/services/create", { json, ...more });
  }

  get serviceNames(): readonly string[] {
    return [...this.store.table("service").all()].map(({ name }) => name).sort();
  }

  /** What one manager hears of another. */
  async link(from: number, to: number, request: ApiRequest): Promise<ApiResponse> {
    this.asked.push({ from, to, request });
    const fate = this.linkFates.shift() ?? "arrives";
    if (fate === "hangs") return untilAborted(request.closed());
    if (fate === "lost") throw new SwarmError("Unavailable", "the connection is gone");
    const answer = await this.apis[to]?.answer(request);
    if (fate === "answer lost") throw new SwarmError("Unavailable", "the connection is gone");
    if (answer === undefined || "notLeading" in answer) throw new SwarmError("Unavailable", "not the leader");
    return answer;
  }

  async #propose(data: Uint8Array, term: number): Promise<void> {
    if (term !== this.term || this.leader === undefined) throw new NotLeader();
    const fate = this.fates.shift() ?? { isApplied: true };
    if (fate.isApplied) this.store.apply({ term, data });
    if (fate.fail) throw fate.fail;
  }

  #apiOf(node: ManagerNode): Api {
    return new Api(
      { version: "0.1.0" },
      {
        ...{ node, clock: this.clock, log: silentLog, metrics: silentMetrics },
        engine: { address: "none", fetch: () => Promise.reject(new SwarmError("Unavailable", "no engine")) },
        interfaces: () => [],
        status: () => Promise.reject(new Error("not asked for")),
        newId: () => newId(this.random),
        insight: { explain, plan: (control, wish, nowMs) => plan(control, wish, nowMs, async () => undefined) },
      },
    );
  }
}

export class ManagerNode implements Node {
  readonly #managers: Managers;
  readonly #at: number;
  readonly #listeners = new Set<() => void>();
  #control: Control | undefined;
  readonly #local: Control;
  current: NodeState;
  /** Reads without a leader are possible. */
  hasStore = true;
  noLeaderForMs = 0;
  readIndex: (signal: AbortSignal) => Promise<void> = async () => undefined;
  readonly unreachable = new Set<number>();

  constructor(managers: Managers, at: number) {
    this.#managers = managers;
    this.#at = at;
    this.#local = managers.controlOver(refusing);
    const [nodeId, nodeAddr] = [`h${at}`, `10.0.0.${at}`];
    this.current = { local: "active", nodeId, nodeAddr, manager: "ready", managers: [] };
  }

  begin(control: Control): void {
    this.#control = control;
  }
  changed(): void {
    if (this.#managers.leader !== this.#at) this.#control = undefined;
    for (const listener of this.#listeners) listener();
  }
  onLeaderChange(fn: () => void): () => void {
    this.#listeners.add(fn);
    return () => this.#listeners.delete(fn);
  }
  state(): NodeState {
    return this.current;
  }
  control(): Control | undefined {
    return this.#control;
  }
  localControl(): Control | undefined {
    return this.hasStore ? this.#local : undefined;
  }
  leader() {
    const { leader, term } = this.#managers;
    if (leader === undefined || leader === this.#at) return undefined;
    const forward = (request: ApiRequest) => this.#managers.link(this.#at, leader, request);
    return { key: `h${leader} ${term}`, forward };
  }
  quorum(): Quorum {
    return {
      hasLeader: this.#managers.leader !== undefined,
      noLeaderForMs: this.noLeaderForMs,
      managers: this.#managers.nodes.map((_, at) => ({
        ...{ nodeId: `h${at}`, hostname: `h${at}`, addr: `10.0.0.${at}:2377`, reachable: !this.unreachable.has(at) },
        ...(this.unreachable.has(at) && { unreachableSince: Date.UTC(2026, 10, 20, 9, 20, 10 + at) }),
      })),
    };
  }
  init(): Promise<string> {
    return Promise.reject(new Error("not here"));
  }
  join(): Promise<void> {
    return Promise.reject(new Error("not here"));
  }
  leave(): Promise<void> {
    return Promise.reject(new Error("not here"));
  }
  unlock(): Promise<void> {
    return Promise.reject(new Error("not here"));
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
