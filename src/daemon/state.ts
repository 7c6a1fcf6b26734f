// What a node remembers of itself between starts, and the lock that keeps a second daemon out of the same folder.

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Level } from "level";
import { SwarmError } from "../base/index.js";

/** How this node is a member of its swarm; absent when it is of none. */
export interface Membership {
  readonly format: 1;
  readonly clusterId: string;
  readonly nodeId: string;
  /** Its id in the consensus, on a manager; drawn anew each time it becomes one. */
  readonly raftId?: number;
  /** Its log is still to be begun: empty, and filled by the leader of the swarm it joins. */
  readonly isJoining?: boolean;
  /** It is to go on as the only manager, and has not led since. */
  readonly isForcing?: boolean;
  /** The other members of the consensus as told when it joined, for as long as its log says nothing. */
  readonly peers?: readonly ConsensusPeer[];
  /** host:port the node's port is bound to. */
  readonly listenAddr: string;
  /** host:port other nodes reach it at. */
  readonly advertiseAddr: string;
  readonly dataPathAddr: string;
  /** Managers known when last connected, most recent first; empty on the first manager. */
  readonly managers: readonly string[];
}

/** A member of the consensus, and where it is reached. */
export interface ConsensusPeer {
  readonly raftId: number;
  readonly nodeId: string;
  /** host:port */
  readonly addr: string;
}

/** The folder of one daemon, held for as long as it is open. */
export interface State {
  readonly dataDir: string;
  membership(): Promise<Membership | undefined>;
  setMembership(membership: Membership): Promise<void>;
  /** Removes the log and its key: the node is a manager no more, or another member than it was. */
  removeManager(): Promise<void>;
  /** Forgets the swarm: certificates, log and tasks. What is half removed is removed at the next start. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** What below the data folder belongs to the membership. */
export const folders = {
  certificates: "certificates",
  raft: "raft",
  /** A file: the key the log and the snapshots are sealed with. */
  raftKey: "raft.key",
  /** What a crash may leave of writing it. */
  raftKeyBeside: "raft.key.tmp",
  worker: "worker",
} as const;

const membershipKey = "membership";
const format = 1;

/**
 * Opens and locks a data folder (made with mode 0700). Fails with FailedPrecondition naming the holder when another
 * daemon has it.
 */
export async function openState(dataDir: string, pid: number): Promise<State> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const db = new Level<string, string>(join(dataDir, "node"));
  const holderFile = join(dataDir, "daemon.holder");
  try {
    await db.open();
  } catch (error) {
    throw await lockError(dataDir, holderFile, error);
  }
  await writeFile(holderFile, `${pid}\n`, { mode: 0o600 });
  const state: State = {
    dataDir,
    membership: async () => parseMembership(await db.get(membershipKey)),
    setMembership: (membership) => db.put(membershipKey, JSON.stringify(membership), { sync: true } as object),
    removeManager: () => remove(dataDir, [folders.raft, folders.raftKey, folders.raftKeyBeside]),
    async clear() {
      await db.del(membershipKey, { sync: true } as object);
      await removeRemnants(dataDir);
    },
    async close() {
      await rm(holderFile, { force: true });
      await db.close();
    },
  };
  if ((await state.membership()) === undefined) await removeRemnants(dataDir);
  return state;
}

/** What an init, join or leave that was cut off left behind. */
function removeRemnants(dataDir: string): Promise<void> {
  return remove(dataDir, Object.values(folders));
}

async function remove(dataDir: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(join(dataDir, path), { recursive: true, force: true });
}

function parseMembership(text: string | undefined): Membership | undefined {
  if (text === undefined) return undefined;
  const membership = JSON.parse(text) as { format: number };
  if (membership.format > format) {
    throw new SwarmError(
      "FailedPrecondition",
      `the node's state has format ${membership.format}, this Skep reads up to ${format}: run a newer Skep on this node`,
    );
  }
  return membership as Membership;
}

async function lockError(dataDir: string, holderFile: string, error: unknown): Promise<SwarmError> {
  const cause = error instanceof Error ? error.cause : undefined;
  const locked = (cause as { code?: string } | undefined)?.code === "LEVEL_LOCKED";
  if (!locked) {
    const why = cause instanceof Error ? cause.message : String(error);
    return new SwarmError("Unknown", `cannot open the node's state in ${dataDir}: ${why}`, { cause: error });
  }
  const holder = await readFile(holderFile, "utf8").catch(() => "");
  const who = holder.trim() === "" ? "another daemon" : `the daemon with process id ${holder.trim()}`;
  return new SwarmError("FailedPrecondition", `${dataDir} is in use by ${who}: stop it first, or give --data-dir`);
}
