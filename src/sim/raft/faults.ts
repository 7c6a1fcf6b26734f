// What goes wrong: which kinds of faults a seed has, and the one that strikes next. Each fault ends by itself or with `heal`.

import type { SeededRandom } from "../random.js";
import type { VirtualClock } from "../time.js";
import type { RaftCluster } from "./cluster.js";
import type { SimMember } from "./member.js";
import { calm, type NetworkMix, type RaftNetwork } from "./network.js";

export interface FaultModules {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly cluster: RaftCluster;
  readonly network: RaftNetwork;
}

const kinds = [
  "power loss",
  "process death",
  "pause",
  "partition",
  "one-way partition",
  "slow disk",
  "full disk",
  "new member",
  "member removed",
  "transfer",
  "broken connection",
  "replay",
] as const;
type FaultKind = (typeof kinds)[number];

/** Members there may be at one time. */
const membersMax = 7;

export class Faults {
  readonly counts = new Map<FaultKind, number>();
  readonly #modules: FaultModules;
  readonly #enabled: readonly FaultKind[];
  readonly #network: NetworkMix;
  readonly #pauseMsMax: number;
  #isOver = false;

  constructor(modules: FaultModules) {
    this.#modules = modules;
    const { random } = modules;
    this.#enabled = kinds.filter(() => random.chance(0.5));
    this.#pauseMsMax = random.pick([50, 150, 400]) ?? 50;
    this.#network = {
      loss: random.pick([0, 0, 0.02, 0.2]) ?? 0,
      repeat: random.pick([0, 0, 0.05, 0.3]) ?? 0,
      delayMsMax: random.pick([0.5, 2, 10, 60]) ?? 1,
      isUnordered: random.chance(0.5),
    };
  }

  /** Begins: the network's mix at once, the rest from time to time until `heal`. */
  begin(): void {
    this.#modules.network.mix = this.#network;
    this.#later();
  }

  /** Nothing goes wrong any more, and what is broken is whole. */
  heal(): void {
    const { network, cluster } = this.#modules;
    this.#isOver = true;
    network.mix = calm;
    network.heal();
    for (const member of cluster.members.values()) {
      member.disk.capacityBytes = Number.POSITIVE_INFINITY;
      for (const operation of Object.keys(member.disk.delayMs)) delete member.disk.delayMs[operation as "sync"];
      member.resume();
      this.#restart(member);
    }
  }

  describe(): string {
    const struck = [...this.counts].map(([kind, count]) => `${kind} ${count}`).join(", ");
    const { loss, repeat, delayMsMax, isUnordered } = this.#network;
    return `loss ${loss}, repeat ${repeat}, delay ${delayMsMax} ms${isUnordered ? ", unordered" : ""}; ${struck || "nothing else"}`;
  }

  #later(): void {
    const { clock, random } = this.#modules;
    clock.after(20 + random.int(this.#pauseMsMax), () => {
      if (this.#isOver) return;
      const kind = random.pick(this.#enabled);
      if (kind) {
        this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
        this.#strike(kind);
      }
      this.#later();
    });
  }

  #strike(kind: FaultKind): void {
    const { random, cluster, network } = this.#modules;
    const ids = [...cluster.members.keys()];
    const leader = cluster.leaders.at(-1);
    // Half of the faults strike the leader: that is where they hurt.
    const victim = random.chance(0.5) && leader ? leader : random.pick([...cluster.members.values()]);
    if (!victim) return;
    switch (kind) {
      case "power loss":
        return this.#crash(victim, random.pick(["nothing", "everything", "torn", "torn"] as const) ?? "torn");
      case "process death":
        return this.#crash(victim, "kill");
      case "pause":
        victim.pause();
        return this.#after(random.int(400), () => victim.resume());
      case "partition": {
        const side = random.chance(0.5) ? [victim.id] : ids.filter(() => random.chance(0.5));
        return this.#cut(side, ids, true);
      }
      case "one-way partition":
        return this.#cut(
          [victim.id],
          ids.filter(() => random.chance(0.7)),
          false,
        );
      case "slow disk":
        victim.disk.delayMs.sync = random.pick([1, 5, 20, 150]) ?? 1;
        return this.#after(random.int(500), () => delete victim.disk.delayMs.sync);
      case "full disk":
        victim.disk.capacityBytes = 0;
        return this.#after(random.int(300), () => {
          victim.disk.capacityBytes = Number.POSITIVE_INFINITY;
          this.#restart(victim);
        });
      case "new member":
        if (cluster.members.size < membersMax) cluster.add();
        return;
      case "member removed":
        if (cluster.wanted.length > 1) cluster.remove(victim.id);
        return;
      case "transfer":
        void leader?.member?.handOver(random.chance(0.5) ? random.pick(ids) : undefined);
        return;
      case "broken connection":
        for (const member of cluster.running) if (random.chance(0.5)) member.connectionBroken(victim.id);
        return;
      case "replay":
        return network.replay(1 + random.int(20));
      default:
        return kind satisfies never;
    }
  }

  #crash(victim: SimMember, how: Parameters<SimMember["crash"]>[0]): void {
    const { random, cluster } = this.#modules;
    if (!victim.isRunning) return;
    victim.crash(how);
    // Its connections break, and that is noticed by most.
    for (const member of cluster.running)
      if (random.chance(0.7)) this.#after(1, () => member.connectionBroken(victim.id));
    this.#after(1 + random.int(300), () => this.#restart(victim));
  }

  #restart(member: SimMember): void {
    if (member.isRunning || this.#modules.cluster.members.get(member.id) !== member) return;
    member.crash("kill");
    member.start();
  }

  #cut(side: readonly number[], all: readonly number[], isBothWays: boolean): void {
    const { random, network } = this.#modules;
    for (const one of side) {
      for (const other of all) {
        if (side.includes(other)) continue;
        const isOut = isBothWays || random.chance(0.5);
        if (isOut) network.cut(one, other);
        if (isBothWays || !isOut) network.cut(other, one);
      }
    }
    this.#after(50 + random.int(500), () => network.heal());
  }

  #after(delayMs: number, run: () => void): void {
    this.#modules.clock.after(delayMs, () => this.#isOver || run());
  }
}
