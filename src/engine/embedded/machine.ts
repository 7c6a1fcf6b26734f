// One embedded container: its state, and every arrow between states, as functions from values to values. Time is passed in;
// `dueMs` says when something will happen by itself, `tick` makes it happen.

import type { ContainerState, CreateContainer, PublishedPort } from "../engine.js";
import { type HealthPlan, type HealthRun, healthPlanOf, healthProbed, healthStarted } from "./health.js";
import { parseScript, type Script, simLabel } from "./label.js";
import { type Program, programOf } from "./program.js";
import { rfc3339 } from "./times.js";

/** Both clocks at one moment, milliseconds. */
export interface Now {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export interface Machine {
  readonly id: string;
  readonly name: string;
  readonly config: CreateContainer;
  readonly createdWallMs: number;
  readonly script: Script;
  readonly program: Program;
  readonly healthPlan: HealthPlan | undefined;
  readonly phase: Phase;
}

export type Phase = { readonly kind: "created" } | Running | Exited;

export interface Running {
  readonly kind: "running";
  readonly pid: number;
  readonly startedMs: number;
  readonly startedWallMs: number;
  readonly ports: readonly PublishedPort[];
  readonly health: HealthRun | undefined;
  /** Lines of the program already written. */
  readonly written: number;
  readonly end: End | undefined;
}

/** How and when it will end, unless something ends it sooner. */
export interface End {
  readonly atMs: number;
  readonly code: number;
  readonly oom: boolean;
}

export interface Exited {
  readonly kind: "exited";
  readonly startedWallMs: number;
  readonly finishedWallMs: number;
  readonly code: number;
  readonly oom: boolean;
}

export type Happening =
  | { readonly kind: "wrote"; readonly stream: "stdout" | "stderr"; readonly text: string }
  | { readonly kind: "health"; readonly status: string }
  | { readonly kind: "oom" }
  | { readonly kind: "died"; readonly code: number };

/** Fails with InvalidArgument when its label `skep.sim` makes no sense. */
export function created(id: string, name: string, config: CreateContainer, now: Now): Machine {
  const script = parseScript(config.Labels[simLabel] ?? "");
  const argv = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  return {
    id,
    name,
    config,
    createdWallMs: now.wallMs,
    script,
    program: programOf(argv, Boolean(config.OpenStdin || config.Tty)),
    healthPlan: healthPlanOf(config.Healthcheck, script),
    phase: { kind: "created" },
  };
}

/** created, exited → running. */
export function started(machine: Machine, now: Now, pid: number, ports: readonly PublishedPort[]): Machine {
  const { healthPlan, program, script } = machine;
  const exit = script.exit ?? (program.exit && { ...program.exit, oom: false });
  const end = exit && { atMs: now.monotonicMs + exit.afterMs, code: exit.code, oom: exit.oom };
  const health = healthPlan && healthStarted(healthPlan, now.monotonicMs);
  const times = { startedMs: now.monotonicMs, startedWallMs: now.wallMs };
  return { ...machine, phase: { kind: "running", pid, ...times, ports, health, written: 0, end } };
}

/** A signal arrived: it may bring the end nearer. `delayMs` is what a process that obeys takes to end. */
export function signalled(machine: Machine, now: Now, signal: number, isStop: boolean, delayMs: number): Machine {
  const code = exitCodeOn(machine, signal, isStop);
  if (code === undefined) return machine;
  return endingBy(machine, { atMs: now.monotonicMs + (signal === sigkill ? 0 : delayMs), code, oom: false });
}

/** It is killed at `atMs` if it still runs then. */
export function killedAt(machine: Machine, atMs: number): Machine {
  return endingBy(machine, { atMs, code: 128 + sigkill, oom: false });
}

/** When the machine will change by itself; monotonic. */
export function dueMs(machine: Machine): number | undefined {
  const { phase } = machine;
  if (phase.kind !== "running") return undefined;
  const line = machine.program.output[phase.written];
  const dues = [line && phase.startedMs + line.afterMs, phase.health?.probeAtMs, phase.end?.atMs];
  const known = dues.filter((each) => each !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** Does what is due by now: at a tie it first writes, then is probed, then ends. */
export function tick(machine: Machine, now: Now): { machine: Machine; happenings: readonly Happening[] } {
  const happenings: Happening[] = [];
  let current = machine;
  for (let due = dueMs(current); due !== undefined && due <= now.monotonicMs; due = dueMs(current)) {
    const step = oneStep(current, due, now);
    happenings.push(...step.happenings);
    current = step.machine;
  }
  return { machine: current, happenings };
}

/** As an inspection shows it. */
export function stateOf({ phase }: Machine): ContainerState {
  switch (phase.kind) {
    case "created":
      return { kind: "created" };
    case "running": {
      const startedAt = rfc3339(phase.startedWallMs);
      return { kind: "running", pid: phase.pid, startedAt, health: phase.health?.status ?? "none" };
    }
    case "exited": {
      const finishedAt = rfc3339(phase.finishedWallMs);
      return { kind: "exited", exitCode: phase.code, oomKilled: phase.oom, error: "", finishedAt };
    }
    default:
      return phase satisfies never;
  }
}

export function portsOf({ phase }: Machine): readonly PublishedPort[] {
  return phase.kind === "running" ? phase.ports : [];
}

const sigkill = 9;
/** A server ends on these too: HUP is for reloading. */
const polite: ReadonlySet<number> = new Set([2, 3, 15]);

/** undefined: the signal is ignored. */
function exitCodeOn(machine: Machine, signal: number, isStop: boolean): number | undefined {
  if (signal === sigkill) return 128 + sigkill;
  if (machine.script.hang === "stop") return undefined;
  const trapped = machine.program.traps.get(signal);
  if (trapped !== undefined) return trapped;
  if (machine.program.isServer) return isStop || polite.has(signal) ? 0 : undefined;
  // Process 1 ignores a signal it has no handler for; behind an init it is not process 1.
  return machine.config.HostConfig.Init ? 128 + signal : undefined;
}

function endingBy(machine: Machine, end: End): Machine {
  const { phase } = machine;
  if (phase.kind !== "running" || (phase.end && phase.end.atMs <= end.atMs)) return machine;
  return { ...machine, phase: { ...phase, end } };
}

function oneStep(machine: Machine, due: number, now: Now): { machine: Machine; happenings: readonly Happening[] } {
  const { phase } = machine;
  if (phase.kind !== "running") return { machine, happenings: [] };
  const line = machine.program.output[phase.written];
  if (line && phase.startedMs + line.afterMs <= due) {
    const written = { ...machine, phase: { ...phase, written: phase.written + 1 } };
    return { machine: written, happenings: [{ kind: "wrote", stream: line.stream, text: line.text }] };
  }
  if (phase.health && phase.health.probeAtMs <= due) return probed(machine, phase, phase.health);
  return phase.end ? exited(machine, phase, phase.end, now) : { machine, happenings: [] };
}

function probed(machine: Machine, phase: Running, run: HealthRun): ReturnType<typeof oneStep> {
  if (!machine.healthPlan) return { machine: { ...machine, phase: { ...phase, health: undefined } }, happenings: [] };
  const health = healthProbed(machine.healthPlan, run, machine.script, run.probeAtMs - phase.startedMs);
  const changed = health.status !== run.status;
  return {
    machine: { ...machine, phase: { ...phase, health } },
    happenings: changed ? [{ kind: "health", status: health.status }] : [],
  };
}

function exited(machine: Machine, phase: Running, end: End, now: Now): ReturnType<typeof oneStep> {
  const times = { startedWallMs: phase.startedWallMs, finishedWallMs: now.wallMs };
  return {
    machine: { ...machine, phase: { kind: "exited", ...times, code: end.code, oom: end.oom } },
    happenings: [...(end.oom ? [{ kind: "oom" } as const] : []), { kind: "died", code: end.code }],
  };
}
