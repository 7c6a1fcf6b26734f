// One life of a manager: its process, with the real Manager in it, on the disk and the lines of its machine.

import { type Clock, type Log, type Random, silentMetrics } from "../../base/index.js";
import type { Pki } from "../../manager/ca/index.js";
import { type KnownManager, Manager, type ManagerOptions, type NewSwarm } from "../../manager/index.js";
import { openSealer } from "../../raft/index.js";
import type { Transaction } from "../../store/index.js";
import type { SimDisk } from "../disk.js";
import { logOf } from "./log.js";
import { firstManager } from "./network.js";
import { SimProgram } from "./program.js";
import type { RaftLines } from "./raft-lines.js";
import { type OnWritten, recordedWriter } from "./recorder.js";
import { watchedDisk } from "./watched-disk.js";

/** How a life begins, if not with what is on the disk. */
export interface Beginning {
  readonly newSwarm?: NewSwarm;
  readonly forceNewCluster?: boolean;
}

export interface ProcessOptions extends Beginning {
  /** Of its machine. */
  readonly name: string;
  /** host:port. */
  readonly address: string;
  readonly nodeId: string;
  readonly raftId: number;
  /** The how manieth. */
  readonly life: number;
  readonly peers: readonly KnownManager[];
  /** Never became part of the consensus yet. */
  readonly isJoining: boolean;
  readonly raftSizes?: NonNullable<ManagerOptions["raftSizes"]>;
}

export interface AppliedEntry {
  readonly term: number;
  readonly data: Uint8Array;
}

/** What the machine of a manager offers to each of its lives, and who is told. */
export interface Surroundings {
  /** Of its machine. */
  readonly ownClock: Clock;
  readonly log: Log;
  readonly pki: Pki;
  readonly lines: RaftLines;
  readonly onWritten: OnWritten;
  /** An entry of the log reached a manager's store, which was at this revision. */
  readonly onApply: (revision: number, entry: AppliedEntry) => void;
  /** What a part writes goes through this first. */
  readonly plant: (part: string, tx: Transaction) => Transaction;
  /** The log on the disk was synced. */
  readonly onSynced: () => void;
}

export interface ProcessModules extends Surroundings {
  readonly disk: SimDisk;
  readonly random: Random;
  /** An operation of the disk failed; perhaps because there is no machine any more. */
  readonly onDiskFailed: (program: SimProgram) => void;
  readonly onFatal: (program: SimProgram, error: Error) => void;
}

export interface Process {
  readonly program: SimProgram;
  readonly manager: Manager;
  /** Another member said that this one was removed. */
  readonly isToldRemoved: () => boolean;
}

/** Not started yet. */
export function newProcess(options: ProcessOptions, modules: ProcessModules): Process {
  const { name, raftId, life } = options;
  const program = new SimProgram(`manager ${name} ${life}`, modules.ownClock);
  const manager = newManager(options, program, modules);
  tellOfEntries(manager, program, modules);
  let isToldRemoved = false;
  modules.lines.join({
    ...{ machine: name, raftId, program, manager },
    isRemoved: (other) => isRemoved(other, manager),
    toldRemoved: () => {
      isToldRemoved = true;
    },
  });
  return { program, manager, isToldRemoved: () => isToldRemoved };
}

function newManager(options: ProcessOptions, program: SimProgram, modules: ProcessModules): Manager {
  const { name, address, nodeId, raftId, peers, isJoining, raftSizes, newSwarm, forceNewCluster = false } = options;
  const { disk, log, pki, random, lines, onWritten, onSynced, plant } = modules;
  return new Manager(
    {
      ...{ nodeId, advertiseAddr: address, raftId, newSwarm, freezeRows: true },
      ...{ peers, join: isJoining, forceNewCluster },
      ...(raftSizes && { raftSizes }),
      onFatal: (error) => modules.onFatal(program, error),
    },
    {
      disk: watchedDisk(program, disk.mount(), { onSynced, onFailed: () => modules.onDiskFailed(program) }),
      ...{ sealer: openSealer, pki, clock: program.clock, random },
      log: logOf(program, log.with({ program: name === firstManager ? "manager" : name })),
      metrics: silentMetrics,
      nextTurn: (fn) => void Promise.resolve().then(() => program.run(fn)),
      transport: lines.transport(raftId, program),
      writerOf: (part, writer) =>
        recordedWriter(part, writer, {
          onWritten: (written, view) => program.isDead || onWritten(written, view),
          plant: (tx) => plant(part, tx),
        }),
    },
  );
}

function tellOfEntries({ store }: Manager, program: SimProgram, { onApply }: ProcessModules): void {
  const apply = store.apply.bind(store);
  store.apply = (entry) => {
    const before = store.revision;
    apply(entry);
    if (!program.isDead && store.revision !== before) onApply(before, entry);
  };
}

function isRemoved(raftId: number, { store, membership }: Manager): boolean {
  if (!store.cluster?.removedRaftIds.includes(raftId)) return false;
  return !membership.voters.includes(raftId) && !membership.learners.includes(raftId);
}
