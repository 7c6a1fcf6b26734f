// A change of a row → the events Docker tells of it (docker-api.md §1.3 "Events").

import type { Node, Service } from "../../gen/skep/v1/objects.js";
import { NodeAvailability, NodeRole } from "../../gen/skep/v1/specs.js";
import { type RowChange, revisionId, type View } from "../../manager/control/index.js";
import { availabilityWords, nodeStateWords, roleWords, updateStateWords, wordOf } from "../decode/enums.js";

export interface SwarmEvent {
  readonly type: "node" | "service";
  readonly action: "create" | "update" | "remove";
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Wall time of the change. */
  readonly time: { readonly seconds: number; readonly nanos: number };
}

/** Undefined for changes users are not told of. `now` is the time of a removal. */
export function eventOf(change: RowChange, view: View, now: SwarmEvent["time"]): SwarmEvent | undefined {
  if (change.table !== "service" && change.table !== "node") return undefined;
  const { table: type, id, row, previous } = change;
  if (row === undefined) {
    return previous && { type, action: "remove", id, attributes: { name: nameOf(previous) }, time: now };
  }
  if (previous === undefined) {
    return { type, action: "create", id, attributes: { name: nameOf(row) }, time: row.meta?.createdAt ?? now };
  }
  const differences =
    change.table === "service"
      ? serviceDifferences(view, change.previous, change.row)
      : nodeDifferences(change.previous, change.row);
  const attributes = { name: nameOf(row), ...differences };
  return { type, action: "update", id, attributes, time: row.meta?.updatedAt ?? now };
}

function nameOf(row: Node | Service): string {
  if ("name" in row) return row.name;
  return row.spec?.annotations?.name || row.description?.hostname || "";
}

function serviceDifferences(view: View, before: Service | undefined, after: Service | undefined) {
  if (before === undefined || after === undefined) return {};
  const [old, current] = [specIn(view, before), specIn(view, after)];
  return {
    ...difference("image", old?.task?.container?.image, current?.task?.container?.image),
    ...difference("replicas", replicasIn(old), replicasIn(current)),
    ...difference("updatestate", updateState(before), updateState(after)),
  };
}

/** The old spec may be gone by the time anybody looks; then it does not count as different. */
function specIn(view: View, service: Service) {
  return view.table("revision").get(revisionId(service.id, service.revision))?.spec;
}

function replicasIn(spec: ReturnType<typeof specIn>): string | undefined {
  return spec?.mode?.$case === "replicated" ? String(spec.mode.value.replicas) : undefined;
}

function updateState(service: Service): string | undefined {
  return service.updateStatus && wordOf(updateStateWords, service.updateStatus.state);
}

function nodeDifferences(before: Node | undefined, after: Node | undefined) {
  if (before === undefined || after === undefined) return {};
  return {
    ...difference("availability", availability(before), availability(after)),
    ...difference("role", role(before), role(after)),
    ...difference("state", state(before), state(after)),
  };
}

function availability({ spec }: Node): string {
  return wordOf(availabilityWords, spec?.availability ?? NodeAvailability.ACTIVE);
}

function role({ spec }: Node): string {
  return wordOf(roleWords, spec?.desiredRole ?? NodeRole.WORKER);
}

function state({ status }: Node): string {
  return wordOf(nodeStateWords, status?.state ?? 0);
}

function difference(name: string, before: string | undefined, after: string | undefined): Record<string, string> {
  if (before === after || after === undefined) return {};
  return { ...(before === undefined ? {} : { [`${name}.old`]: before }), [`${name}.new`]: after };
}
