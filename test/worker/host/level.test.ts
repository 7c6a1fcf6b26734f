import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Level } from "level";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TaskState, TaskStatus } from "../../../src/gen/skep/v1/objects.js";
import { LevelState } from "../../../src/worker/host/index.js";
import { anAssignment } from "../support.js";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "skep-level-"));
});

afterEach(() => rm(folder, { recursive: true }));

test("gives back after a restart what was written, and nothing of what was forgotten", async () => {
  const state = await LevelState.open(folder);
  expect(await state.load()).toEqual({ bootId: undefined, tasks: [] });
  const status = TaskStatus.fromPartial({ state: TaskState.RUNNING, message: "started" });
  const [kept, gone] = [anAssignment(), anAssignment({ id: "t2" })];
  await state.write([
    { kind: "boot", bootId: "boot1" },
    { kind: "assignment", assignment: kept },
    { kind: "assignment", assignment: gone },
    { kind: "status", taskId: "t1", status },
    { kind: "status", taskId: "t2", status },
  ]);
  await state.write([{ kind: "forget", taskId: "t2" }]);
  await state.close();
  const again = await LevelState.open(folder);
  expect(await again.load()).toEqual({ bootId: "boot1", tasks: [{ assignment: kept, status }] });
  await again.close();
});

test("refuses what a newer version wrote", async () => {
  const db = new Level(folder);
  await db.put("format", "99");
  await db.close();
  await expect(LevelState.open(folder)).rejects.toThrow("has format 99; this version reads up to 1: use a newer skep");
});
