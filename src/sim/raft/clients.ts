// Clients of the simulated cluster: they write, each text once, to whoever says it leads, read anywhere, and remember what they were told.

import { NotLeaderError } from "../../raft/index.js";
import type { SeededRandom } from "../random.js";
import type { VirtualClock } from "../time.js";
import type { Checks } from "./checks.js";
import type { RaftCluster } from "./cluster.js";

export interface ClientModules {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly cluster: RaftCluster;
  readonly checks: Checks;
  readonly onBug: (error: Error) => void;
}

export class Clients {
  writes = 0;
  reads = 0;
  readonly #modules: ClientModules;
  readonly #everyMs: number;
  #isOver = false;

  constructor(modules: ClientModules) {
    this.#modules = modules;
    this.#everyMs = modules.random.pick([10, 30, 100]) ?? 30;
  }

  begin(): void {
    const { clock, random } = this.#modules;
    clock.after(random.next() * 2 * this.#everyMs, () => {
      if (this.#isOver) return;
      if (random.chance(0.8)) for (let burst = random.int(4); burst >= 0; burst--) this.write();
      else this.#read();
      this.begin();
    });
  }

  end(): void {
    this.#isOver = true;
  }

  /** At any of those that believe they lead: an old leader must refuse it, or never answer. */
  write(): void {
    const { random, cluster, checks, onBug } = this.#modules;
    const leader = random.pick(cluster.leaders);
    const term = leader?.leadingTerm;
    if (!leader?.member || term === undefined) return;
    const text = `w${++this.writes}${"·".repeat(random.chance(0.1) ? 60 : 0)}`;
    const guarded = (run: () => void): void => {
      try {
        run();
      } catch (error) {
        onBug(error as Error);
      }
    };
    leader.member.propose(Buffer.from(text), term).then(
      () => guarded(() => checks.writeAcknowledged(text)),
      (error: unknown) => guarded(() => error instanceof NotLeaderError && checks.writeRefused(text)),
    );
  }

  #read(): void {
    const { random, cluster, checks, onBug } = this.#modules;
    const member = random.pick(cluster.running);
    const machine = member?.machine;
    if (!member?.member || !machine) return;
    const { acknowledged } = checks;
    member.member.readIndex().then(
      () => {
        this.reads += 1;
        try {
          checks.read(member.id, acknowledged, machine.index);
        } catch (error) {
          onBug(error as Error);
        }
      },
      () => {},
    );
  }
}
