// One run of the real-host tests: a folder, a short id in every name it makes, and a marker that says whose it is, so that
// what a killed run left behind can be told from what a living one uses.

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kill, startTicks } from "./process.js";

export const base = join(tmpdir(), "skep-e2e");
const CGROUPS = "/sys/fs/cgroup";

export interface RunFolder {
  readonly id: string;
  readonly path: string;
}

/** Makes the folder of this run, after clearing up what dead runs left. */
export function openRunFolder(): RunFolder {
  sweep();
  const id = randomBytes(3).toString("hex");
  const path = join(base, id);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "owner"), marker(process.pid));
  return { id, path };
}

/** Notes a process that must not outlive the run; it ends everything in its own PID namespace with it. */
export function noteProcess({ path }: RunFolder, name: string, pid: number): void {
  writeFileSync(join(path, `${name}.pid`), marker(pid));
}

/** Ends the noted processes and removes cgroups and folder. Safe to call again. */
export async function closeRunFolder(run: RunFolder): Promise<void> {
  killNoted(run.path);
  const until = performance.now() + 10_000;
  while (performance.now() < until) {
    removeCgroups(run.id);
    if (leftovers(run).every((left) => left.startsWith("folder "))) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  rmSync(run.path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

/** What there still is of a run: processes, cgroups, mounts, its folder. Empty after a good clean-up. */
export function leftovers({ id, path }: RunFolder): string[] {
  return [
    ...processesOf(id, path).map((pid) => `process ${pid}`),
    ...cgroupsOf(id).map((cgroup) => `cgroup ${cgroup}`),
    ...readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .filter((line) => line.includes(path))
      .map((line) => `mount ${line}`),
    ...(existsSync(path) ? [`folder ${path}`] : []),
  ];
}

/** Removes what runs left whose owner is dead. */
function sweep(): void {
  for (const id of existsSync(base) ? readdirSync(base) : []) {
    const path = join(base, id);
    if (id === "cache" || isAlive(join(path, "owner"))) continue;
    killNoted(path);
    for (const pid of processesOf(id, path)) kill(pid, "SIGKILL");
    removeCgroups(id);
    rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

function killNoted(path: string): void {
  const notes = existsSync(path) ? readdirSync(path).filter((name) => name.endsWith(".pid")) : [];
  for (const note of notes) {
    if (isAlive(join(path, note))) kill(Number(readFileSync(join(path, note), "utf8").split(" ")[0]), "SIGKILL");
  }
}

function marker(pid: number): string {
  return `${pid} ${startTicks(pid) ?? ""}`;
}

/** A pid may have been given to another process since: its start time must be the noted one too. */
function isAlive(markerPath: string): boolean {
  try {
    const [pid, ticks] = readFileSync(markerPath, "utf8").split(" ");
    return ticks !== undefined && ticks === startTicks(Number(pid));
  } catch {
    return false;
  }
}

/** Processes in the run's cgroups, or with the run's folder in their command line. */
function processesOf(id: string, path: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(cgroupPrefix(id)) ||
          readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`${path}/`)
        );
      } catch {
        return false; // ended meanwhile
      }
    })
    .map(Number);
}

/** The cgroup, below every controller's root, that an engine puts its containers in. */
export function cgroupOf({ id }: RunFolder, hostname: string): string {
  return `/${cgroupPrefix(id)}${hostname}`;
}

function cgroupPrefix(id: string): string {
  return `skep-e2e-${id}-`;
}

/** cgroup v1 has them under each controller, v2 once at the top. */
function cgroupsOf(id: string): string[] {
  const roots = [
    CGROUPS,
    ...readdirSync(CGROUPS, { withFileTypes: true })
      .filter((each) => each.isDirectory())
      .map(({ name }) => join(CGROUPS, name)),
  ];
  return roots.flatMap((root) =>
    readdirSync(root)
      .filter((name) => name.startsWith(cgroupPrefix(id)))
      .map((name) => join(root, name)),
  );
}

function removeCgroups(id: string): void {
  for (const cgroup of cgroupsOf(id)) removeCgroup(cgroup);
}

function removeCgroup(path: string): void {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroup(join(path, entry.name));
    }
    rmdirSync(path);
  } catch {
    // A process is still ending in it: the caller looks again.
  }
}
