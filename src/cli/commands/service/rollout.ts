// The parts of a spec that create and update make from the same flags: restart, update, health, resources, logs.
import type { HealthConfig, RestartPolicy, UpdateConfig } from "../../../api/types.js";
import { CliError } from "../../errors.js";
import type { FlagValues } from "../../flags/flag.js";
import type { commonFlags } from "./flags.js";

export type CommonValues = FlagValues<ReturnType<typeof commonFlags>>;

const second = 1e9;

/** Undefined when no flag of it was given; what the flags leave open keeps `before` or Docker's default. */
export function restartPolicyOf(flags: CommonValues, before?: RestartPolicy | null): RestartPolicy | null | undefined {
  const given =
    flags["restart-condition"] ?? flags["restart-delay"] ?? flags["restart-max-attempts"] ?? flags["restart-window"];
  if (given === undefined) return before;
  const base = before ?? { Condition: "any", Delay: 5 * second, MaxAttempts: 0 };
  return {
    ...base,
    ...(flags["restart-condition"] === undefined
      ? {}
      : { Condition: flags["restart-condition"] as NonNullable<RestartPolicy["Condition"]> }),
    ...(flags["restart-delay"] === undefined ? {} : { Delay: flags["restart-delay"] }),
    ...(flags["restart-max-attempts"] === undefined ? {} : { MaxAttempts: flags["restart-max-attempts"] }),
    ...(flags["restart-window"] === undefined ? {} : { Window: flags["restart-window"] }),
  };
}

export function updateConfigOf(
  name: "update" | "rollback",
  flags: CommonValues,
  before?: UpdateConfig | null,
): UpdateConfig | null | undefined {
  const parallelism = flags[`${name}-parallelism`];
  const delay = flags[`${name}-delay`];
  const monitor = flags[`${name}-monitor`];
  const action = flags[`${name}-failure-action`];
  const ratio = flags[`${name}-max-failure-ratio`];
  const order = flags[`${name}-order`];
  if ((parallelism ?? delay ?? monitor ?? action ?? ratio ?? order) === undefined) return before;
  const base = before ?? defaultUpdateConfig;
  const chosenDelay = delay ?? base.Delay ?? 0;
  const chosenMonitor = monitor ?? base.Monitor ?? 0;
  return {
    Parallelism: parallelism ?? base.Parallelism,
    ...(chosenDelay === 0 ? {} : { Delay: chosenDelay }),
    FailureAction: (action ?? base.FailureAction ?? "") as NonNullable<UpdateConfig["FailureAction"]>,
    ...(chosenMonitor === 0 ? {} : { Monitor: chosenMonitor }),
    MaxFailureRatio: ratio ?? base.MaxFailureRatio,
    Order: (order ?? base.Order ?? "") as NonNullable<UpdateConfig["Order"]>,
  };
}

const defaultUpdateConfig: UpdateConfig = {
  Parallelism: 1,
  FailureAction: "pause",
  Monitor: 5 * second,
  MaxFailureRatio: 0,
  Order: "stop-first",
};

export function healthcheckOf(flags: CommonValues, before?: HealthConfig | null): HealthConfig | null | undefined {
  const {
    "health-cmd": cmd,
    "health-interval": interval,
    "health-timeout": timeout,
    "health-retries": retries,
  } = flags;
  const { "health-start-period": startPeriod, "health-start-interval": startInterval } = flags;
  const given = cmd ?? interval ?? timeout ?? retries ?? startPeriod ?? startInterval;
  if (flags["no-healthcheck"] === true) {
    if (given !== undefined) throw new CliError("--no-healthcheck conflicts with --health-* options");
    return { Test: ["NONE"] };
  }
  if (given === undefined) return before;
  const kept = before ?? {};
  const test = cmd === undefined ? keptTest(kept) : cmd === "" ? [] : ["CMD-SHELL", cmd];
  return withoutZeros({
    Test: test,
    Interval: interval ?? kept.Interval,
    Timeout: timeout ?? kept.Timeout,
    StartPeriod: startPeriod ?? kept.StartPeriod,
    StartInterval: startInterval ?? kept.StartInterval,
    Retries: retries ?? kept.Retries,
  });
}

/** Setting an interval on a switched-off check brings the image's own check back. */
function keptTest({ Test }: HealthConfig): readonly string[] {
  return Test?.[0] === "NONE" ? [] : (Test ?? []);
}

/** Go's omitempty, one level deep: no "", 0, false, null, [] and no undefined; an empty object stays. */
export function withoutZeros<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept = Object.entries(value).filter(([, item]) => !isZero(item));
  return Object.fromEntries(kept) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function isZero(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) return true;
  return Array.isArray(value) && value.length === 0;
}

/** A map that Go leaves out when it has no entries. */
export function nonEmpty<T extends object>(map: T): T | undefined {
  return Object.keys(map).length === 0 ? undefined : map;
}
