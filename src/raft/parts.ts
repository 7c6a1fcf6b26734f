// What a member is made of, put together: everything around the core but the loop itself.

import type { Clock, Disk, Gauge, Histogram, Log, Metrics, Random } from "../base/index.js";
import { Doubt } from "./doubt.js";
import type { Storage } from "./load.js";
import { RaftLog } from "./log/log.js";
import { OpenReads } from "./open_reads.js";
import type { RaftOptions } from "./options.js";
import { Proposals } from "./proposals.js";
import type { Sealer } from "./sealer.js";
import { SnapshotExchange } from "./snapshot/exchange.js";
import { Snapshots } from "./snapshot/snapshots.js";
import { Snapshotter } from "./snapshot/snapshotter.js";
import { Tenure } from "./tenure.js";
import { Ticker } from "./ticker.js";
import { noTransport, type Transport } from "./transport.js";
import type { StateMachine } from "./types.js";

export interface RaftModules {
  readonly disk: Disk;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly stateMachine: StateMachine;
  /** To the other members; without one there are none. */
  readonly transport?: Transport;
  /** Calls `fn` once all that is ready to run now has run; never synchronously. setImmediate in the real one. */
  readonly nextTurn: (fn: () => void) => void;
  /** Calls `fn` once its caller is done, before anything else that is ready; never synchronously. Absent: `nextTurn`. */
  readonly atOnce?: (fn: () => void) => void;
}

export interface Parts {
  readonly storage: Storage;
  readonly transport: Transport;
  readonly proposals: Proposals;
  readonly snapshotter: Snapshotter;
  readonly exchange: SnapshotExchange;
  readonly reads: OpenReads;
  readonly tenure: Tenure;
  readonly ticker: Ticker;
  readonly doubt: Doubt;
  readonly persistSeconds: Histogram;
  readonly appliedIndex: Gauge;
}

/** `onBug` is told of a bug that no caller can be. */
export function partsOf(options: Required<RaftOptions>, modules: RaftModules, onBug: (error: Error) => void): Parts {
  const { folder, segmentBytes, tickMs, electionTicks } = options;
  const { disk, sealer, log, metrics, stateMachine, transport = noTransport } = modules;
  const raftLog = new RaftLog({ folder: `${folder}/log`, segmentBytes }, { disk, sealer, log });
  const snapshots = new Snapshots(folder, { disk, sealer });
  const proposals = new Proposals(options);
  const around = { snapshots, raftLog, log, stateMachine, transport };
  return {
    storage: { disk, log, folder, raftLog, snapshots },
    ...{ transport, proposals },
    snapshotter: new Snapshotter(options, { ...around, onBug }),
    exchange: new SnapshotExchange(around),
    reads: new OpenReads(2 * electionTicks, Math.floor(modules.random.next() * 2 ** 52)),
    tenure: new Tenure({ proposals, log }),
    ticker: new Ticker(tickMs, modules.clock),
    doubt: new Doubt(options, modules.clock),
    persistSeconds: metrics.histogram("skep_raft_persist_seconds", "Time to make one batch of entries durable."),
    appliedIndex: metrics.gauge("skep_raft_applied_index", "Index of the last log entry applied here."),
  };
}
