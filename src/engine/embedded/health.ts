// A healthcheck as Docker runs it: probe after each interval; failures count once the start period is over, `retries`
// of them in a row make it unhealthy, one success makes it healthy.

import type { CreateContainer, Health } from "../engine.js";
import type { Script } from "./label.js";
import { programOf } from "./program.js";

/** Docker's defaults, milliseconds and tries. */
const defaults = { intervalMs: 30_000, timeoutMs: 30_000, startIntervalMs: 5_000, retries: 3 } as const;
/** The healthcheck a label `health=` brings where the container has none. */
const scripted: HealthPlan = { intervalMs: 1_000, startPeriodMs: 0, startIntervalMs: 1_000, retries: 3, passes: true };

export interface HealthPlan {
  readonly intervalMs: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
  readonly retries: number;
  /** What the probe command finds, unless the script knows better. */
  readonly passes: boolean;
}

export interface HealthRun {
  readonly status: Exclude<Health, "none">;
  readonly failures: number;
  /** Monotonic. */
  readonly probeAtMs: number;
}

/** undefined: the container has no healthcheck. */
export function healthPlanOf(check: CreateContainer["Healthcheck"], script: Script): HealthPlan | undefined {
  const test = check?.Test ?? [];
  if (test[0] === "NONE") return undefined;
  if (test.length === 0) return script.health && scripted;
  const timeoutMs = orDefault(check?.Timeout, defaults.timeoutMs);
  return {
    intervalMs: orDefault(check?.Interval, defaults.intervalMs),
    startPeriodMs: orDefault(check?.StartPeriod, 0),
    startIntervalMs: orDefault(check?.StartInterval, defaults.startIntervalMs),
    retries: check?.Retries || defaults.retries,
    passes: probePasses(test, timeoutMs),
  };
}

export function healthStarted(plan: HealthPlan, nowMs: number): HealthRun {
  return { status: "starting", failures: 0, probeAtMs: nowMs + waitMs(plan, "starting", 0) };
}

/** After a probe that ran at `run.probeAtMs`, `sinceStartMs` after the start. */
export function healthProbed(plan: HealthPlan, run: HealthRun, script: Script, sinceStartMs: number): HealthRun {
  const passed = script.health ? script.health.good === sinceStartMs >= script.health.afterMs : plan.passes;
  const counts = run.status !== "starting" || sinceStartMs >= plan.startPeriodMs;
  const failures = passed ? 0 : run.failures + (counts ? 1 : 0);
  const status = passed ? "healthy" : failures >= plan.retries ? "unhealthy" : run.status;
  return { status, failures, probeAtMs: run.probeAtMs + waitMs(plan, status, sinceStartMs) };
}

function waitMs(plan: HealthPlan, status: HealthRun["status"], sinceStartMs: number): number {
  const inStartPeriod = status === "starting" && sinceStartMs < plan.startPeriodMs;
  return Math.max(1, inStartPeriod ? plan.startIntervalMs : plan.intervalMs);
}

/** A probe whose command is not known passes; one that takes longer than its timeout fails. */
function probePasses(test: readonly string[], timeoutMs: number): boolean {
  const argv = test[0] === "CMD-SHELL" ? ["sh", "-c", test[1] ?? ""] : test.slice(1);
  const program = programOf(argv, false);
  if (program.isServer) return true;
  return program.exit !== undefined && program.exit.code === 0 && program.exit.afterMs <= timeoutMs;
}

/** Nanoseconds, 0 and absent meaning the default, → milliseconds. */
function orDefault(nanos: number | undefined, defaultMs: number): number {
  return nanos ? nanos / 1e6 : defaultMs;
}
