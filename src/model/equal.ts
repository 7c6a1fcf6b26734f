// Deep equality of model values, and the comparison that decides whether a task must be replaced.

import { type Node, type Task, TaskState } from "../gen/skep/v1/objects.js";
import { EndpointMode, type EndpointSpec, type ServiceSpec, type TaskSpec } from "../gen/skep/v1/specs.js";
import { parseConstraints, satisfiesAll } from "./constraints.js";
import { stateOf } from "./task.js";

/** Same content: primitives, arrays, byte arrays and plain objects; an absent field equals an undefined one. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || ArrayBuffer.isView(a)) return sameList(a, b);
  if (Array.isArray(b) || ArrayBuffer.isView(b)) return false;
  return sameFields(a as Record<string, unknown>, b as Record<string, unknown>);
}

/** What decides whether a task still is what its service asks for. */
export interface DirtyInput {
  readonly task: Task;
  /** The spec the task was made from. */
  readonly made: ServiceSpec;
  /** The service's current revision and spec. */
  readonly revision: number;
  readonly current: ServiceSpec;
  /** The task's node, if it has one that exists. */
  readonly node: Node | undefined;
}

/** Whether an update must replace this task: swarm-semantics §4.2, in its order. */
export function isDirty(input: DirtyInput): boolean {
  const { task, made, current } = input;
  if (task.revision === input.revision) return false;
  const between = differencesOf(made, current);
  if (between.placementAlone && nodeStillFits(input)) return false;
  const ignoresAuth = task.desiredState <= TaskState.RUNNING && hasImage(task);
  return between.endpoint || (ignoresAuth ? between.taskButAuth : between.task);
}

/** In what two specs differ. */
interface Differences {
  readonly placementAlone: boolean;
  readonly task: boolean;
  readonly taskButAuth: boolean;
  readonly endpoint: boolean;
}

/** Specs never change, and thousands of tasks are made from one: each pair is compared once. */
const known = new WeakMap<ServiceSpec, WeakMap<ServiceSpec, Differences>>();

function differencesOf(made: ServiceSpec, current: ServiceSpec): Differences {
  let ofMade = known.get(made);
  if (ofMade === undefined) known.set(made, (ofMade = new WeakMap()));
  let differences = ofMade.get(current);
  if (differences === undefined) ofMade.set(current, (differences = compare(made, current)));
  return differences;
}

function compare(made: ServiceSpec, current: ServiceSpec): Differences {
  return {
    placementAlone: placementAloneDiffers(made, current),
    task: !deepEqual(made.task, current.task),
    taskButAuth: !deepEqual(withoutAuth(made.task), withoutAuth(current.task)),
    endpoint: !sameEndpoint(made, current),
  };
}

function sameEndpoint(made: ServiceSpec, current: ServiceSpec): boolean {
  return deepEqual(made.endpoint ?? noEndpoint, current.endpoint ?? noEndpoint);
}

const noEndpoint: EndpointSpec = { mode: EndpointMode.VIP, ports: [] };

/** Prepared and not over: the image is there, so new registry credentials change nothing. */
function hasImage(task: Task): boolean {
  const state = stateOf(task);
  return state >= TaskState.READY && state <= TaskState.RUNNING;
}

function placementAloneDiffers(made: ServiceSpec, current: ServiceSpec): boolean {
  const without = (spec: TaskSpec | undefined): unknown => ({ ...spec, placement: undefined });
  return (
    !deepEqual(made.task?.placement, current.task?.placement) &&
    deepEqual(without(made.task), without(current.task)) &&
    sameEndpoint(made, current)
  );
}

function nodeStillFits({ node, current }: DirtyInput): boolean {
  return node !== undefined && satisfiesAll(node, parseConstraints(current.task?.placement?.constraints ?? []));
}

function withoutAuth(spec: TaskSpec | undefined): unknown {
  if (spec?.container === undefined) return spec;
  return { ...spec, container: { ...spec.container, registryAuth: "" } };
}

function sameList(a: unknown, b: unknown): boolean {
  const left = a as ArrayLike<unknown>;
  const right = b as ArrayLike<unknown>;
  if (Array.isArray(a) !== Array.isArray(b) || left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (!deepEqual(left[at], right[at])) return false;
  return true;
}

function sameFields(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) if (!deepEqual(a[key], b[key])) return false;
  return true;
}
