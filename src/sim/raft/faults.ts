// Carries out what a plan says goes wrong. Each fault ends by itself or with `heal`.

import { SeededRandom } from "../random.js";
import type { VirtualClock } from "../time.js";
import type { RaftCluster } from "./cluster.js";
import { type SimMember, tickMs } from "./member.js";
import { calm, type RaftNetwork } from "./network.js";
import type { Fault, FaultKind, Plan } from "./plan.js";

export interface FaultModules {
  readonly plan: Plan;
  readonly clock: VirtualClock;
  readonly cluster: RaftCluster;
  readonly network: RaftNetwork;
  /** A wiped member comes back under its old id: planted. */
  readonly isIdKept: boolean;
}

/** Members there may be at one time. */
const membersMax = 7;

const slowRate = 4;
/** The longest faults last so many election timeouts. */
const spellElections = 4;

/** What strikes whom, with chance of its own. */
interface Blow {
  readonly victim: SimMember;
  readonly leader: SimMember | undefined;
  readonly ids: readonly number[];
  readonly random: SeededRandom;
}

export class Faults {
  readonly counts = new Map<FaultKind, number>();
  readonly #modules: FaultModules;
  readonly #electionMs: number;
  #isOver = false;

  constructor(modules: FaultModules) {
    this.#modules = modules;
    this.#electionMs = modules.plan.electionTicks * tickMs;
  }

  /** Begins: the network's mix at once, the rest at its time, until `heal`. */
  begin(): void {
    const { plan, network } = this.#modules;
    network.mix = plan.network;
    for (const fault of plan.faults) this.#after(fault.atMs, () => this.#strike(fault));
  }

  /** Nothing goes wrong any more, and what is broken is whole. */
  heal(): void {
    const { network, cluster } = this.#modules;
    this.#isOver = true;
    network.mix = calm;
    network.heal();
    for (const member of [...cluster.members.values()]) {
      member.mend();
      member.life?.skew(1);
      member.resume();
      this.#restart(member);
    }
  }

  #strike({ kind, detail }: Fault): void {
    const { cluster } = this.#modules;
    const random = new SeededRandom(detail);
    const leader = cluster.leaders.at(-1);
    // Half of the faults strike the leader: that is where they hurt.
    const victim = random.chance(0.5) && leader ? leader : random.pick([...cluster.members.values()]);
    if (!victim) return;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.#blows[kind]({ victim, leader, ids: [...cluster.members.keys()], random });
  }

  readonly #blows: Readonly<Record<FaultKind, (blow: Blow) => void>> = {
    "power loss": ({ victim, random }) => this.#losePower(victim, random),
    outage: ({ random }) => {
      for (const member of this.#modules.cluster.running) this.#losePower(member, random);
    },
    "process death": ({ victim, random }) => this.#crash(victim, "kill", random),
    "clean restart": ({ victim, random }) => {
      const downMs = this.#spell(random) / 3;
      if (!victim.isRunning || victim.isPaused) return;
      victim.stop(() => void this.#modules.clock.after(downMs, () => this.#restart(victim)));
    },
    pause: ({ victim, random }) => {
      victim.pause();
      this.#after(this.#spell(random), () => victim.resume());
    },
    partition: ({ victim, ids, random }) => {
      const side = random.chance(0.5) ? [victim.id] : ids.filter(() => random.chance(0.5));
      this.#cut(side, ids, () => "both", random);
    },
    "one-way partition": ({ victim, ids, random }) => {
      const some = ids.filter(() => random.chance(0.7));
      this.#cut([victim.id], some, () => (random.chance(0.5) ? "out" : "in"), random);
    },
    // It goes on leading for long after the others have given it up.
    "slow island": ({ victim, leader, ids, random }) => {
      const { id, life } = leader ?? victim;
      const lastMs = this.#cut([id], ids, () => "both", random);
      life?.skew(slowRate);
      this.#after(lastMs, () => life?.skew(1));
    },
    "slow disk": ({ victim, random }) => {
      victim.disk.delayMs.sync = random.pick([1, 5, 20, 150]) ?? 1;
      this.#after(this.#spell(random), () => victim.mend());
    },
    "full disk": ({ victim, random }) => {
      victim.disk.capacityBytes = 0;
      this.#after(this.#spell(random), () => victim.mend());
    },
    "failed sync": ({ victim, random }) => {
      victim.disk.failNext = random.pick(["sync", "write", "syncFolder", "rename"] as const);
      this.#after(this.#spell(random), () => {
        victim.disk.failNext = undefined;
      });
    },
    "flipped bit": ({ victim, random }) => {
      if (this.#modules.cluster.mayLoseOne && victim.isRunning) victim.flip(random.next());
    },
    "wiped disk": ({ victim }) => {
      const { cluster, isIdKept } = this.#modules;
      if (!cluster.mayLoseOne) return;
      if (isIdKept) cluster.loseAndKeepId(victim);
      else cluster.lose(victim);
    },
    "new member": () => {
      const { cluster } = this.#modules;
      if (cluster.members.size < membersMax) cluster.add();
    },
    "member removed": ({ victim }) => {
      const { cluster } = this.#modules;
      if (cluster.wanted.length > 1) cluster.remove(victim.id);
    },
    "member replaced": ({ victim }) => {
      const { cluster } = this.#modules;
      if (cluster.members.size < membersMax && cluster.wanted.includes(victim.id)) cluster.replace(victim.id);
    },
    transfer: ({ leader, ids, random }) => {
      void leader?.member?.handOver(random.chance(0.5) ? random.pick(ids) : undefined);
    },
    "broken connection": ({ victim, random }) => {
      for (const member of this.#modules.cluster.running) if (random.chance(0.5)) member.connectionBroken(victim.id);
    },
    replay: ({ random }) => this.#modules.network.replay(1 + random.int(20)),
    "clock jump": ({ victim, random }) => victim.life?.jump((random.next() - 0.5) * 10 ** random.int(8)),
    "tick skew": ({ victim, random }) => {
      const { life } = victim;
      life?.skew(random.pick([0.3, 0.7, 1.5, 3]) ?? 1);
      this.#after(this.#spell(random), () => life?.skew(1));
    },
  };

  /** How long something lasts: some end before an election, some see several. */
  #spell(random: SeededRandom): number {
    return random.next() * spellElections * this.#electionMs;
  }

  #losePower(victim: SimMember, random: SeededRandom): void {
    this.#crash(victim, random.pick(this.#modules.plan.survivals) ?? "torn", random);
  }

  #crash(victim: SimMember, how: Parameters<SimMember["crash"]>[0], random: SeededRandom): void {
    const { cluster } = this.#modules;
    if (!victim.isRunning) return;
    victim.crash(how);
    // Its connections break, and that is noticed by most.
    for (const member of cluster.running)
      if (random.chance(0.7)) this.#after(1, () => member.connectionBroken(victim.id));
    this.#after(1 + this.#spell(random), () => this.#restart(victim));
  }

  #restart(member: SimMember): void {
    if (member.isRunning || this.#modules.cluster.members.get(member.id) !== member) return;
    member.crash("kill");
    member.start();
  }

  /** Returns for how long. */
  #cut(
    side: readonly number[],
    all: readonly number[],
    direction: () => "in" | "out" | "both",
    random: SeededRandom,
  ): number {
    const { network } = this.#modules;
    const mends: (() => void)[] = [];
    for (const one of side) {
      for (const other of all) {
        if (side.includes(other)) continue;
        const way = direction();
        if (way !== "in") mends.push(network.cut(one, other));
        if (way !== "out") mends.push(network.cut(other, one));
      }
    }
    const lastMs = this.#spell(random);
    this.#after(lastMs, () => mends.forEach((mend) => mend()));
    return lastMs;
  }

  #after(delayMs: number, run: () => void): void {
    this.#modules.clock.after(delayMs, () => this.#isOver || run());
  }
}
