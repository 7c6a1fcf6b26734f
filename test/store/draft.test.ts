// A draft against a plain map that is copied for each transaction: rows, indexes and size, also after it is taken back.

import fc from "fast-check";
import { expect, test } from "vitest";
import { wallTime } from "../../src/base/index.js";
import type { Task } from "../../src/gen/skep/v1/objects.js";
import { Draft, newTables } from "../../src/store/draft.js";
import { aTask } from "../support/memory.js";

const ids = ["a", "b", "c", "d"];
const nodes = ["", "n1", "n2"];

const step = fc.record({
  kind: fc.constantFrom("put", "delete", "rollback", "commit", "look"),
  id: fc.constantFrom(...ids),
  nodeId: fc.constantFrom(...nodes),
});

function onNode(rows: Iterable<Task>, nodeId: string): readonly string[] {
  return [...rows]
    .filter((row) => row.nodeId === nodeId)
    .map((row) => row.id)
    .sort();
}

test("a draft sees what is applied and what it wrote, by id and by index, until it is taken back", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.subarray(ids), (steps, applied) => {
      const tables = newTables();
      for (const id of applied) tables.task.set(aTask({ id, nodeId: "n1" }));
      const draft = new Draft(tables, 1, wallTime(0));
      let committed = new Map([...tables.task.all()].map((row) => [row.id, row]));
      let written = new Map(committed);
      for (const { kind, id, nodeId } of steps) {
        if (kind === "put") {
          draft.put("task", aTask({ id, nodeId }));
          written.set(id, aTask({ id, nodeId }));
        } else if (kind === "delete") {
          draft.delete("task", id);
          written.delete(id);
        } else if (kind === "commit") {
          draft.commit();
          committed = new Map(written);
        } else if (kind === "rollback") {
          draft.rollback();
          written = new Map(committed);
        }
        const table = draft.table("task");
        if (kind !== "look") expect(table.get(id)?.nodeId).toBe(written.get(id)?.nodeId);
        else {
          // An index may only be made when it is asked for: some runs never ask.
          expect([...table.by("node", "n1")].map((row) => row.id).sort()).toEqual(onNode(written.values(), "n1"));
          expect([...table.all()].map((row) => row.id).sort()).toEqual([...written.keys()].sort());
        }
        expect(table.size).toBe(written.size);
      }
      expect([...tables.task.all()].every((row) => row.nodeId === "n1")).toBe(true);
    }),
  );
});
