// A Raft member on a simulated disk, with a state machine that keeps the list of what it was given.

import { type Disk, silentLog, silentMetrics } from "../../src/base/index.js";
import {
  type CommittedEntry,
  type Leadership,
  openSealer,
  RaftMember,
  type RaftOptions,
  type StateMachine,
} from "../../src/raft/index.js";
import { SeededRandom, SimDisk, VirtualClock } from "../../src/sim/index.js";

/** Its snapshot has a chunk for every `perChunk` lines. */
export class Lines implements StateMachine {
  lines: string[] = [];
  /** Entries applied in this life, by index. */
  readonly indexes: number[] = [];
  snapshots = 0;
  readonly #perChunk: number;

  constructor(perChunk = 10) {
    this.#perChunk = perChunk;
  }

  apply(entry: CommittedEntry): void {
    this.indexes.push(entry.index);
    this.lines.push(Buffer.from(entry.data).toString());
  }

  *#encode(lines: readonly string[]): Generator<Uint8Array> {
    for (let at = 0; at < lines.length; at += this.#perChunk) {
      yield Buffer.from(JSON.stringify(lines.slice(at, at + this.#perChunk)));
    }
  }

  snapshot(): Iterable<Uint8Array> {
    this.snapshots += 1;
    return this.#encode([...this.lines]);
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.lines = [];
    for await (const chunk of chunks) this.lines.push(...(JSON.parse(Buffer.from(chunk).toString()) as string[]));
  }
}

export interface TestMember {
  readonly member: RaftMember;
  readonly machine: Lines;
  readonly clock: VirtualClock;
  readonly disk: SimDisk;
  readonly leadership: Leadership[];
  readonly failures: Error[];
  /** Starts, and waits until it leads. */
  lead(): Promise<number>;
}

export interface MemberSetting extends Partial<RaftOptions> {
  readonly disk?: SimDisk;
  readonly clock?: VirtualClock;
  readonly wrap?: (disk: Disk) => Disk;
  readonly machine?: Lines;
}

export function aMember(setting: MemberSetting = {}): TestMember {
  const { wrap = (disk: Disk) => disk, machine = new Lines(), ...options } = setting;
  const clock = setting.clock ?? new VirtualClock();
  const disk = setting.disk ?? new SimDisk({ clock });
  const member = new RaftMember(
    { id: 7, folder: "raft", bootstrap: true, segmentBytes: 16 * 1024, ...options },
    {
      disk: wrap(disk.mount()),
      sealer: openSealer,
      clock,
      random: new SeededRandom(1),
      log: silentLog,
      metrics: silentMetrics,
      stateMachine: machine,
      nextTurn: (fn) => void clock.after(0, fn),
    },
  );
  const leadership: Leadership[] = [];
  const failures: Error[] = [];
  member.onLeadership((change) => leadership.push(change));
  member.onFatal((error) => failures.push(error));
  const lead = async (): Promise<number> => {
    await clock.finish(member.start(), 60_000, "the start");
    await clock.runUntil(() => leadership.at(-1)?.leading === true, 10_000, "leadership");
    return leadership.at(-1)?.term ?? 0;
  };
  return { member, machine, clock, disk, leadership, failures, lead };
}

export const line = (text: string): Uint8Array => new TextEncoder().encode(text);
