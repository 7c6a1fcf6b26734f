// Clients of the simulated cluster: they write and swap registers at whoever says it leads, read anywhere, and remember what
// they called, when, and what they were told. Times are numbers in order of these events.

import { NotLeaderError } from "../../raft/index.js";
import type { Operation } from "../linearizable.js";
import type { SeededRandom } from "../random.js";
import type { RegisterInput, RegisterOutput } from "../register.js";
import type { VirtualClock } from "../time.js";
import type { Checks } from "./checks.js";
import type { RaftCluster } from "./cluster.js";
import { type Change, encodeChange } from "./machine.js";
import type { Plan } from "./plan.js";
import type { Plants } from "./plants.js";

export interface ClientModules {
  readonly plan: Plan;
  readonly plants: Plants;
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly cluster: RaftCluster;
  readonly checks: Checks;
  readonly onBug: (error: Error) => void;
}

type Call = {
  -readonly [Key in keyof Operation<RegisterInput, RegisterOutput>]: Operation<RegisterInput, RegisterOutput>[Key];
};

const keys = ["x", "y", "z"] as const;
/** Some writes are larger than what is written or sent at once. */
const paddings = [0, 0, 0, 0, 0, 0, 0, 0, 0, 60];

export class Clients {
  reads = 0;
  readonly #modules: ClientModules;
  readonly #history = new Set<Call>();
  readonly #texts = new Map<Call, string>();
  /** What was last heard of each register, for swaps that have a chance. */
  readonly #heard = new Map<string, string | undefined>();
  #writes = 0;
  #events = 0;
  #isOver = false;

  constructor(modules: ClientModules) {
    this.#modules = modules;
  }

  /** Without reads that nobody answered: they changed nothing. */
  get history(): readonly Operation<RegisterInput, RegisterOutput>[] {
    const calls = [...this.#history].filter(({ input, returned }) => returned ?? input.kind !== "read");
    return calls.map((call) => {
      const text = this.#texts.get(call);
      return text === undefined ? call : { ...call, likelyAt: this.#modules.checks.indexOf(text) };
    });
  }

  begin(): void {
    const { clock, random, plan } = this.#modules;
    clock.after(random.next() * 2 * plan.clientEveryMs, () => {
      if (this.#isOver) return;
      if (random.chance(0.6)) for (let burst = random.int(4); burst >= 0; burst--) this.write();
      else for (let burst = random.int(2); burst >= 0; burst--) this.#read();
      this.begin();
    });
  }

  end(): void {
    this.#isOver = true;
  }

  /** At any of those that believe they lead: an old leader must refuse it, or never answer. */
  write(): void {
    const { random, cluster, checks } = this.#modules;
    const leader = random.pick(cluster.leaders);
    const { member, machine, leadingTerm: term } = leader ?? {};
    if (!member || !machine || term === undefined) return;
    const change = this.#drawChange();
    const text = encodeChange(this.#writes, change, random.pick(paddings) ?? 0);
    const call = this.#called(`leader ${leader?.id}`, change);
    this.#texts.set(call, text);
    member.propose(Buffer.from(text), term).then(
      () =>
        this.#guarded(() => {
          checks.writeAcknowledged(text);
          this.#returned(call, machine.outputOf(text));
        }),
      (error: unknown) =>
        this.#guarded(() => {
          if (!(error instanceof NotLeaderError)) return;
          this.#history.delete(call);
          checks.writeRefused(text);
        }),
    );
  }

  #drawChange(): Change {
    const { random } = this.#modules;
    const key = random.pick(keys) ?? "x";
    const value = `v${++this.#writes}`;
    return random.chance(0.3)
      ? { kind: "swap", key, expected: this.#heard.get(key), value }
      : { kind: "write", key, value };
  }

  #read(): void {
    const { random, cluster, checks, plants } = this.#modules;
    const at = random.pick(cluster.running.filter(({ isPaused }) => !isPaused));
    const { member, machine } = at ?? {};
    if (!at || !member || !machine) return;
    const { acknowledged } = checks;
    const key = random.pick(keys) ?? "x";
    const call = this.#called(`member ${at.id}`, { kind: "read", key });
    const answer = (): void => {
      this.reads += 1;
      call.likelyAt = machine.index + 0.5;
      this.#returned(call, machine.read(key));
      if (!plants.isReadLocal) checks.read(at.id, acknowledged, machine.index);
    };
    if (plants.isReadLocal) return answer();
    member.readIndex().then(
      () => this.#guarded(answer),
      () => void this.#history.delete(call),
    );
  }

  #called(client: string, input: RegisterInput): Call {
    const call: Call = { client, input, calledAt: ++this.#events, returned: undefined };
    this.#history.add(call);
    return call;
  }

  #returned(call: Call, output: RegisterOutput): void {
    call.returned = { at: ++this.#events, output };
    const { input } = call;
    if (input.kind === "read") this.#heard.set(input.key, output as string | undefined);
    else if (output !== false) this.#heard.set(input.key, input.value);
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#modules.onBug(error as Error);
    }
  }
}
