// Managers that are promoted, demoted, killed, cut off and brought back at random while services are made: nothing that was
// acknowledged is lost, nobody breaks, and in the end the consensus is exactly who is to be a manager.

import { expect, test } from "vitest";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { SeededRandom } from "../../src/sim/index.js";
import { type Machine, ManagersSwarm } from "../support/managers.js";

const steps = 25;
const names = ["m1", "m2", "m3", "m4", "m5"];

test.each(Array.from({ length: Number(process.env["SKEP_STORMS"] ?? 3) }, (_, at) => at + 1))(
  "storm %s",
  async (seed) => {
    const swarm = await ManagersSwarm.start(3);
    const storm = new Storm(swarm, seed);
    await storm.settleIn();
    for (let step = 0; step < steps; step += 1) {
      await storm.step();
      await swarm.advance(storm.random.int(600));
      await storm.tend();
    }
    await storm.calm();
    await swarm
      .eventually("the managers that are wanted", () => storm.isAsWanted, 30_000)
      .catch((error: unknown) => {
        throw new Error(`${String(error)}\n${storm.told.join("\n")}\n${storm.describe()}`);
      });
    expect(storm.broken).toEqual([]);
    const services = new Set([...swarm.leaderStore.table("service").all()].map(({ id }) => id));
    expect(storm.acknowledged.filter((id) => !services.has(id))).toEqual([]);
    expect(new Set(storm.acknowledged).size).toBe(storm.acknowledged.length);
  },
);

class Storm {
  readonly random: SeededRandom;
  readonly told: string[] = [];
  readonly acknowledged: string[] = [];
  readonly #swarm: ManagersSwarm;
  /** Machines without power. */
  readonly #down = new Set<string>();
  #cut: { readonly name: string; heal(): void } | undefined;
  #services = 0;

  constructor(swarm: ManagersSwarm, seed: number) {
    this.#swarm = swarm;
    this.random = new SeededRandom(seed);
  }

  get broken(): readonly string[] {
    return this.#machines.flatMap(({ name, fatal }) => (fatal ? [`${name}: ${fatal.stack}`] : []));
  }

  /** Every node is known, the last two as workers. */
  async settleIn(): Promise<void> {
    for (const name of names.slice(3)) await this.#swarm.join(name);
    await this.#swarm.eventually("five vote", () => this.#swarm.voters.length === names.length);
    for (const name of names.slice(3)) await this.#swarm.setRole(name, "WORKER");
    await this.#swarm.advance(1_000);
    await this.tend();
  }

  async step(): Promise<void> {
    const [what, act] = this.#draw();
    this.told.push(`${Math.round(this.#swarm.clock.monotonic())} ms: ${what}`);
    await act();
  }

  /** What each daemon does by itself: a manager where the role says so, a new member where the old one is no more. */
  async tend(): Promise<void> {
    for (const machine of this.#machines) {
      const { leading } = this.#swarm;
      if (leading === undefined || this.#isAway(machine.name)) continue;
      const node = this.#swarm.leaderStore.table("node").get(machine.nodeId);
      const isOver = this.#swarm.cluster.removedRaftIds.includes(machine.raftId);
      if (machine.life && (node?.role === NodeRole.WORKER || isOver)) this.#swarm.kill(machine.name);
      if (machine.life || node?.role !== NodeRole.MANAGER) continue;
      const isPlaced = node.manager?.raftId === machine.raftId;
      const enter = isPlaced ? this.#swarm.do(this.#swarm.begin(machine, { join: true })) : this.#swarm.enter(machine);
      await enter.catch((error: unknown) => this.told.push(`${machine.name} is not taken in: ${String(error)}`));
    }
  }

  /** Everybody is back, all lines are whole, and each daemon has done what it does. */
  async calm(): Promise<void> {
    this.told.push("calm");
    this.#cut?.heal();
    this.#cut = undefined;
    for (const name of this.#down) await this.#swarm.restart(name);
    this.#down.clear();
    for (let turn = 0; turn < 10; turn += 1) {
      await this.#swarm.advance(1_000);
      await this.tend();
    }
  }

  get isAsWanted(): boolean {
    if (this.#swarm.leader === undefined) return false;
    const nodes = [...this.#swarm.leaderStore.table("node").all()];
    const wanted = nodes.filter(({ spec }) => spec?.desiredRole === NodeRole.MANAGER);
    const places = wanted.map(({ manager }) => manager?.raftId ?? 0).sort((a, b) => a - b);
    const isRight = nodes.every(({ spec, role }) => role === spec?.desiredRole);
    const { voters } = this.#swarm;
    const revision = this.#swarm.leaderStore.revision;
    const haveAll = this.#machines.every(({ life }) => !life || life.manager.store.revision === revision);
    return isRight && haveAll && String(places) === String([...voters].sort((a, b) => a - b));
  }

  describe(): string {
    const rows = [...(this.#swarm.leader ? this.#swarm.leaderStore.table("node").all() : [])];
    return JSON.stringify({
      rows: rows.map(({ description, spec, role, manager }) => [
        description?.hostname,
        spec?.desiredRole,
        role,
        manager,
      ]),
      leader: this.#swarm.leader?.name,
      removed: this.#swarm.leader && this.#swarm.cluster.removedRaftIds,
      members: this.#machines.map(({ name, raftId, life }) => [name, raftId, life?.manager.raftStatus]),
    });
  }

  get #machines(): readonly Machine[] {
    return [...this.#swarm.machines.values()];
  }

  #isAway(name: string): boolean {
    return this.#down.has(name) || this.#cut?.name === name;
  }

  #draw(): readonly [string, () => Promise<void>] {
    const name = this.random.pick(names) ?? "m1";
    const drawn = this.random.next();
    if (drawn < 0.2) return [`promote ${name}`, () => this.#setRole(name, "MANAGER")];
    if (drawn < 0.4) return [`demote ${name}`, () => this.#setRole(name, "WORKER")];
    if (drawn < 0.5) return [`${name} dies`, async () => this.#kill(name)];
    if (drawn < 0.6) return [`${name} is cut off`, async () => this.#isolate(name)];
    if (drawn < 0.75) return ["all is well", () => this.calmSome()];
    return ["service create", () => this.#create()];
  }

  /** At most one machine is away at a time: of three managers two answer. */
  #kill(name: string): void {
    if (this.#down.size > 0 || this.#cut || !this.#swarm.machine(name).life || !this.#canSpare(name)) return;
    this.#down.add(name);
    this.#swarm.kill(name);
  }

  #isolate(name: string): void {
    if (this.#down.size > 0 || this.#cut || !this.#canSpare(name)) return;
    this.#cut = { name, heal: this.#swarm.isolate(name) };
  }

  #canSpare(name: string): boolean {
    const { voters } = this.#swarm;
    return voters.length >= 3 || !voters.includes(this.#swarm.machine(name).raftId);
  }

  async calmSome(): Promise<void> {
    this.#cut?.heal();
    this.#cut = undefined;
    for (const name of this.#down) await this.#swarm.restart(name);
    this.#down.clear();
  }

  async #setRole(name: string, role: "MANAGER" | "WORKER"): Promise<void> {
    if (this.#swarm.leader === undefined) return;
    await this.#swarm.setRole(name, role).catch((error: unknown) => this.told.push(String(error)));
  }

  async #create(): Promise<void> {
    this.#services += 1;
    const asked = this.#swarm.user.create({ name: `s${this.#services}`, replicas: 1, image: "nginx" });
    asked.then(
      (id) => this.acknowledged.push(id),
      (error: unknown) => this.told.push(String(error)),
    );
  }
}
