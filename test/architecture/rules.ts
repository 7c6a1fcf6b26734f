// The rules of the house over the import graph (docs/architecture.md, "Who may import whom"). Pure: files in,
// violations out, so that each rule can be shown to fail on a planted tree.

import type { Import, SourceFile } from "./source.js";

/** One sentence that names the file, what it does and what the rule is. */
export type Violation = string;

const manager = ["base", "gen", "model", "store"];

/** Area → areas it may import besides itself. `manager/*` stands for every folder of manager. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  gen: [],
  model: ["base", "gen"],
  raft: ["base", "gen"],
  engine: ["base"],
  store: ["base", "gen", "model"],
  scheduler: ["base", "gen", "model", "store"],
  "manager/*": manager,
  manager: [...manager, "scheduler", "raft", "manager/*"],
  // No loop: it only reads, and asks the loops' own pure functions what they would do.
  "manager/insight": [...manager, "scheduler", "manager/control", "manager/orchestrator"],
  worker: ["base", "gen", "model", "engine"],
  rpc: ["base", "gen", "model"],
  api: ["base", "gen", "model", "engine", "manager/control"],
  daemon: [
    "base",
    "gen",
    "model",
    "raft",
    "engine",
    "store",
    "scheduler",
    "manager",
    "manager/*",
    "worker",
    "rpc",
    "api",
  ],
  cli: ["base", "api"],
  sim: ["*"],
};

/** Packages without any contact to the outside, and who may use them ("*" = everybody). */
const purePackages: Readonly<Record<string, readonly string[]>> = {
  long: ["gen"],
  "protobufjs/minimal.js": ["gen"],
  yaml: ["*"],
  "dns-packet": ["*"],
};

const LINES_MAX = 400;

/** What reads a clock, waits, draws or reaches out without an import. */
const OUTSIDE_GLOBALS =
  /(?<![.\w$"'])(Date\.now\(|new Date\(\s*\)|Math\.random\(|setTimeout\(|setInterval\(|setImmediate\(|performance\.now\(|process\.\w|crypto\.\w|AbortSignal\.timeout\(|console\.\w)/;

/** All violations in a tree; order follows the files. */
export function violations(files: readonly SourceFile[]): Violation[] {
  return [...files.flatMap((file) => rules.flatMap((rule) => rule(file))), ...cycles(files)];
}

const rules: readonly ((file: SourceFile) => Violation[])[] = [
  importsAllowedAreas,
  entersThroughIndex,
  keepsEdgesAtTheEdge,
  touchesOutsideAtTheEdge,
  usesGrpcInRpc,
  staysShort,
  indexExplains,
];

/** `store/log.ts` → `store`; a folder of manager is an area of its own. */
export function areaOf(path: string): string {
  const [first = "", second = "", third] = path.split("/");
  return first === "manager" && third !== undefined ? `${first}/${second}` : first;
}

/** Folders that may touch the outside world. */
export function isEdge(path: string): boolean {
  return /(^|\/)host\//.test(path) || /^(engine\/docker|rpc|daemon|cli)\//.test(path);
}

function importsAllowedAreas(file: SourceFile): Violation[] {
  return foreign(file)
    .filter((each) => !isAllowedArea(file.path, each))
    .map(({ target }) => `${file.path} imports ${target}: ${areaOf(file.path)} may not import ${areaOf(target)}`);
}

function isAllowedArea(path: string, { target, isTypeOnly }: Import): boolean {
  const from = areaOf(path);
  const to = areaOf(target);
  const allowed = mayImport[from] ?? (from.startsWith("manager/") ? mayImport["manager/*"] : undefined) ?? [];
  // The command line knows the API's shapes and nothing else of it, so that none of it is in its start-up path. What is
  // explained and planned has no other shape than the API's.
  if ((from === "cli" || from === "manager/insight") && to === "api")
    return isTypeOnly && /^api\/types(\/index)?\.ts$/.test(target);
  if (from === "raft" && to === "gen") return target.startsWith("gen/skep/raft/");
  return allowed.includes("*") || allowed.includes(to) || (to.startsWith("manager/") && allowed.includes("manager/*"));
}

function entersThroughIndex(file: SourceFile): Violation[] {
  return foreign(file)
    .filter(({ target }) => areaOf(target) !== "gen" && !target.endsWith("/index.ts") && target !== "api/types.ts")
    .map(({ target }) => `${file.path} imports ${target}: areas are entered through their index.ts`);
}

/** A core that imported an edge would only hide that it touches the outside. (`engine` itself chooses between its two.) */
function keepsEdgesAtTheEdge(file: SourceFile): Violation[] {
  if (isEdge(file.path) || ["sim", "engine"].includes(areaOf(file.path))) return [];
  return file.imports
    .filter(({ target, isOurs, isTypeOnly }) => isOurs && !isTypeOnly && isEdge(target))
    .map(({ target }) => `${file.path} imports ${target}: only an edge may import an edge`);
}

function touchesOutsideAtTheEdge(file: SourceFile): Violation[] {
  if (isEdge(file.path)) return [];
  const area = areaOf(file.path);
  const isPure = ({ target }: Import): boolean => {
    const users = purePackages[target] ?? [];
    return users.includes("*") || users.includes(area) || (target === "@grpc/grpc-js" && isService(file.path));
  };
  const packages = file.imports
    .filter((each) => !each.isOurs && !isPure(each))
    .map(({ target }) => `${file.path} imports ${target}: only host/ folders, engine/docker, rpc, daemon and cli may`);
  // Virtual time lets pending promises settle between two events; nothing measurable hangs on it.
  const code = area === "sim" ? file.code.replaceAll("setImmediate(", "") : file.code;
  const used = area === "gen" ? null : OUTSIDE_GLOBALS.exec(code);
  return used === null
    ? packages
    : [...packages, `${file.path} uses ${used[0]}: time, chance and I/O come in through the constructor`];
}

function usesGrpcInRpc(file: SourceFile): Violation[] {
  const area = areaOf(file.path);
  return file.imports
    .filter(({ target }) =>
      target === "@grpc/grpc-js" ? area !== "rpc" && !isService(file.path) : isService(target) && area !== "rpc",
    )
    .map(({ target }) => `${file.path} imports ${target}: only rpc speaks gRPC`);
}

function staysShort(file: SourceFile): Violation[] {
  if (areaOf(file.path) === "gen" || file.lines <= LINES_MAX) return [];
  return [`${file.path} has ${file.lines} lines: at most ${LINES_MAX}`];
}

function indexExplains(file: SourceFile): Violation[] {
  const isAreaIndex = file.path === `${areaOf(file.path)}/index.ts` && areaOf(file.path) !== "gen";
  return isAreaIndex && !file.opensWithComment
    ? [`${file.path} opens without the paragraph that says what this is, what must stay true, where to start`]
    : [];
}

function isService(path: string): boolean {
  return /^gen\/.*_service\.ts$/.test(path);
}

function foreign(file: SourceFile): Import[] {
  return file.imports.filter(({ target, isOurs }) => isOurs && areaOf(target) !== areaOf(file.path));
}

/** Areas that can reach themselves again over real (not type-only) imports. */
function cycles(files: readonly SourceFile[]): Violation[] {
  const edges = new Map<string, Set<string>>();
  for (const file of files) {
    const targets = edges.get(areaOf(file.path)) ?? new Set<string>();
    for (const { target, isTypeOnly } of foreign(file)) if (!isTypeOnly) targets.add(areaOf(target));
    edges.set(areaOf(file.path), targets);
  }
  return [...edges.keys()]
    .filter((area) => reaches(edges, area))
    .map((area) => `${area} imports itself over other areas: no cycles between areas`);
}

function reaches(edges: ReadonlyMap<string, ReadonlySet<string>>, start: string): boolean {
  const seen = new Set<string>();
  const next = [...(edges.get(start) ?? [])];
  for (let area = next.pop(); area !== undefined; area = next.pop()) {
    if (area === start) return true;
    if (seen.has(area)) continue;
    seen.add(area);
    next.push(...(edges.get(area) ?? []));
  }
  return false;
}
