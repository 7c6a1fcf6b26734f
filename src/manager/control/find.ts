// What a user calls a thing → its row: whole id, exact name, unique start of an id, in this order (docker-api.md trap 21).

import { SwarmError } from "../../base/index.js";
import type { Node, Service, Task } from "../../gen/skep/v1/objects.js";
import { taskName } from "../../model/index.js";
import { nameKey, type View } from "../../store/index.js";

export function findService(view: View, input: string): Service {
  const table = view.table("service");
  const named = (): readonly Service[] =>
    [...table.by("name", nameKey(input))].filter((service) => service.name === input);
  return find("service", input, table.get(input), named, () => table.byPrefix(input));
}

/** Nodes go by their hostname, which need not be unique. */
export function findNode(view: View, input: string): Node {
  const table = view.table("node");
  return find(
    "node",
    input,
    table.get(input),
    () => [...table.by("hostname", input)],
    () => table.byPrefix(input),
  );
}

export function findTask(view: View, input: string): Task {
  const table = view.table("task");
  return find(
    "task",
    input,
    table.get(input),
    () => taskNamed(view, input),
    () => table.byPrefix(input),
  );
}

/** A task's name ends in its id: `web.1.<id>`. */
function taskNamed(view: View, name: string): readonly Task[] {
  const task = view.table("task").get(name.slice(name.lastIndexOf(".") + 1));
  const service = task && view.table("service").get(task.serviceId);
  return task && service && taskName(service.name, task) === name ? [task] : [];
}

function find<Row>(
  kind: string,
  input: string,
  exact: Row | undefined,
  named: () => readonly Row[],
  prefixed: () => Iterable<Row>,
): Row {
  if (exact !== undefined) return exact;
  const rows = named();
  return only(kind, input, rows) ?? only(kind, input, input === "" ? [] : [...prefixed()]) ?? notFound(kind, input);
}

function only<Row>(kind: string, input: string, rows: readonly Row[]): Row | undefined {
  if (rows.length > 1) {
    throw new SwarmError("InvalidArgument", `${kind} ${input} is ambiguous (${rows.length} matches found)`);
  }
  return rows[0];
}

function notFound(kind: string, input: string): never {
  throw new SwarmError("NotFound", `${kind} ${input} not found`);
}
