// The node's memory on disk, in LevelDB. Keys: `format`, `boot`, `assignment/<task id>`, `status/<task id>`.

import { Level } from "level";
import { SwarmError } from "../../base/index.js";
import { TaskAssignment } from "../../gen/skep/v1/dispatcher.js";
import { TaskStatus } from "../../gen/skep/v1/objects.js";
import type { LocalChange, LocalContent, LocalState } from "../state.js";

/** Format of the keys and values below. */
const localFormat = 1;

type Put = { readonly type: "put"; readonly key: string; readonly value: Uint8Array };
type Operation = Put | { readonly type: "del"; readonly key: string };

export class LevelState implements LocalState {
  readonly #db: Level<string, Uint8Array>;

  private constructor(db: Level<string, Uint8Array>) {
    this.#db = db;
  }

  /** Opens or creates the memory in `folder`, which holds registry credentials: the caller keeps it private (0700). */
  static async open(folder: string): Promise<LevelState> {
    const db = new Level<string, Uint8Array>(folder, { valueEncoding: "view" });
    await db.open();
    await checkFormat(db, folder);
    return new LevelState(db);
  }

  async load(): Promise<LocalContent> {
    const assignments: TaskAssignment[] = [];
    const statuses = new Map<string, TaskStatus>();
    for await (const [key, value] of this.#db.iterator()) {
      const [kind, id = ""] = key.split("/");
      if (kind === "assignment") assignments.push(TaskAssignment.decode(value));
      if (kind === "status") statuses.set(id, TaskStatus.decode(value));
    }
    const boot = await this.#db.get("boot");
    return {
      bootId: boot && decodeText(boot),
      tasks: assignments.map((assignment) => ({ assignment, status: statuses.get(assignment.id) })),
    };
  }

  /**
   * Survives the end of the process at any point. Not synced: after a power cut the containers and the leader tell what
   * these last moments held.
   */
  async write(changes: readonly LocalChange[]): Promise<void> {
    await this.#db.batch(changes.flatMap(operationsOf));
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}

async function checkFormat(db: Level<string, Uint8Array>, folder: string): Promise<void> {
  const stored = await db.get("format");
  const found = stored === undefined ? 0 : Number(decodeText(stored));
  if (found > localFormat) {
    await db.close();
    throw new SwarmError(
      "FailedPrecondition",
      `the node's state in ${folder} has format ${found}; this version reads up to ${localFormat}: use a newer skep`,
    );
  }
  if (found === 0) await db.put("format", encodeText(String(localFormat)));
}

function operationsOf(change: LocalChange): Operation[] {
  switch (change.kind) {
    case "assignment":
      return [put(`assignment/${change.assignment.id}`, TaskAssignment.encode(change.assignment).finish())];
    case "status":
      return [put(`status/${change.taskId}`, TaskStatus.encode(change.status).finish())];
    case "forget":
      return [
        { type: "del", key: `assignment/${change.taskId}` },
        { type: "del", key: `status/${change.taskId}` },
      ];
    case "boot":
      return [put("boot", encodeText(change.bootId))];
    default:
      return change satisfies never;
  }
}

function put(key: string, value: Uint8Array): Put {
  return { type: "put", key, value };
}

function encodeText(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function decodeText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
