// Whose request is it: a route of ours, the engine's, or nobody's (architecture.md "Whose request is it?").

import type { Handler, RouteSpec } from "./call.js";

/** First segments that are ours with everything below them. */
const ownRoots: ReadonlySet<string> = new Set([
  "_ping",
  "configs",
  "events",
  "info",
  "nodes",
  "secrets",
  "services",
  "skep",
  "swarm",
  "tasks",
  "version",
]);

export type Destination =
  | { readonly kind: "route"; readonly handler: Handler; readonly id: string }
  | { readonly kind: "engine" }
  | { readonly kind: "nobody" };

const engine: Destination = { kind: "engine" };
const nobody: Destination = { kind: "nobody" };

interface Compiled {
  readonly segments: readonly string[];
  readonly handler: Handler;
}

export class Router {
  readonly #routes = new Map<string, Compiled[]>();

  constructor(specs: readonly RouteSpec[]) {
    for (const { method, path, handler } of specs) {
      const segments = segmentsOf(path);
      const key = keyOf(method, segments);
      const known = this.#routes.get(key) ?? [];
      this.#routes.set(key, [...known, { segments, handler }]);
    }
  }

  /** `path` without its version, still escaped. */
  find(method: string, path: string): Destination {
    const segments = segmentsOf(path);
    for (const route of this.#routes.get(keyOf(method, segments)) ?? []) {
      const id = match(route.segments, segments);
      if (id !== undefined) return { kind: "route", handler: route.handler, id };
    }
    return ownRoots.has(segments[0] ?? "") ? nobody : engine;
  }
}

/** What stands for `{id}`, "" without one; undefined when the path is another. */
function match(wanted: readonly string[], segments: readonly string[]): string | undefined {
  let id = "";
  for (const [at, segment] of segments.entries()) {
    if (wanted[at] === "{id}") {
      const text = unescape(segment);
      if (text === undefined || text === "") return undefined;
      id = text;
    } else if (wanted[at] !== segment) return undefined;
  }
  return id;
}

function keyOf(method: string, segments: readonly string[]): string {
  return `${method} ${segments[0]} ${segments.length}`;
}

function segmentsOf(path: string): readonly string[] {
  return path.slice(1).split("/");
}

function unescape(segment: string): string | undefined {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
