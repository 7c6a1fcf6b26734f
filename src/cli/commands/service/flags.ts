// The flags that `service create` and `service update` share. Only create shows the defaults: update keeps what is.

import { float, int, list, text, toggle, uint } from "../../flags/basic.js";
import { checkPair, command, credentialSpec } from "../../flags/checks.js";
import { bytes, decimal, duration, positiveDuration } from "../../flags/quantities.js";
import { detach, quietProgress } from "../../flags/shared.js";

export function commonFlags(creating: boolean) {
  const shown = (value: string): { readonly shown?: string } => (creating ? { shown: value } : {});
  return {
    ...containerFlags(shown),
    ...resourceFlags(),
    ...healthFlags(),
    ...restartFlags(shown),
    ...rolloutFlags("update", shown),
    ...rolloutFlags("rollback", shown),
    "cap-add": list("Add Linux capabilities"),
    "cap-drop": list("Drop Linux capabilities"),
    detach,
    "endpoint-mode": text("Endpoint mode (vip or dnsrr)", shown('"vip"')),
    "log-driver": text("Logging driver for service"),
    "log-opt": list("Logging driver options"),
    "max-concurrent": uint("Number of job tasks to run concurrently (default equal to --replicas)"),
    "no-resolve-image": toggle("Do not query the registry to resolve image digest and supported platforms"),
    quiet: quietProgress,
    replicas: uint("Number of tasks"),
    "replicas-max-per-node": uint("Maximum number of tasks per node (default 0 = unlimited)"),
    "with-registry-auth": toggle("Send registry authentication details to swarm agents"),
  };
}

type Shown = (value: string) => { readonly shown?: string };

function containerFlags(shown: Shown) {
  return {
    "credential-spec": credentialSpec("Credential spec for managed service account (Windows only)"),
    entrypoint: command("Overwrite the default ENTRYPOINT of the image"),
    hostname: text("Container hostname"),
    init: toggle("Use an init inside each service container to forward signals and reap processes"),
    isolation: text("Service container isolation mode"),
    "oom-score-adj": int("Tune host's OOM preferences (-1000 to 1000)", { since: "1.46" }),
    "read-only": toggle("Mount the container's root filesystem as read only"),
    "stop-grace-period": duration("Time to wait before force killing a container (ns|us|ms|s|m|h)", shown("10s")),
    "stop-signal": text("Signal to stop the container"),
    tty: toggle("Allocate a pseudo-TTY", { short: "t" }),
    user: text("Username or UID (format: <name|uid>[:<group|gid>])", { short: "u" }),
    workdir: text("Working directory inside the container", { short: "w" }),
  };
}

function resourceFlags() {
  return {
    "limit-cpu": decimal("Limit CPUs"),
    "limit-memory": bytes("Limit Memory"),
    "limit-pids": int("Limit maximum number of processes (default 0 = unlimited)"),
    "reserve-cpu": decimal("Reserve CPUs"),
    "reserve-memory": bytes("Reserve Memory"),
  };
}

function healthFlags() {
  return {
    "health-cmd": text("Command to run to check health"),
    "health-interval": positiveDuration("Time between running the check (ms|s|m|h)"),
    "health-retries": int("Consecutive failures needed to report unhealthy"),
    "health-start-interval": positiveDuration("Time between running the check during the start period (ms|s|m|h)", {
      since: "1.44",
    }),
    "health-start-period": positiveDuration(
      "Start period for the container to initialize before counting retries towards unstable (ms|s|m|h)",
    ),
    "health-timeout": positiveDuration("Maximum time to allow one check to run (ms|s|m|h)"),
    "no-healthcheck": toggle("Disable any container-specified HEALTHCHECK"),
  };
}

function restartFlags(shown: Shown) {
  return {
    "restart-condition": text('Restart when condition is met ("none", "on-failure", "any")', shown('"any"')),
    "restart-delay": duration("Delay between restart attempts (ns|us|ms|s|m|h)", shown("5s")),
    "restart-max-attempts": uint("Maximum number of restarts before giving up"),
    "restart-window": duration("Window used to evaluate the restart policy (ns|us|ms|s|m|h)"),
  };
}

function rolloutFlags<const P extends "update" | "rollback">(name: P, shown: Shown) {
  const words = rolloutWords[name];
  const table = {
    [`${name}-delay`]: duration(`Delay between ${words.many} (ns|us|ms|s|m|h)`, shown("0s")),
    [`${name}-failure-action`]: text(words.failureAction, shown('"pause"')),
    [`${name}-max-failure-ratio`]: float(`Failure rate to tolerate during ${words.one}`, shown("0")),
    [`${name}-monitor`]: duration(
      `Duration after each task ${name} to monitor for failure (ns|us|ms|s|m|h)`,
      shown("5s"),
    ),
    [`${name}-order`]: text(`${words.title} order ("start-first", "stop-first")`, shown('"stop-first"')),
    [`${name}-parallelism`]: uint(words.parallelism, shown("1")),
  };
  return table as unknown as RolloutFlags<P>;
}

type RolloutFlags<P extends string> = Readonly<
  Record<`${P}-delay` | `${P}-monitor`, ReturnType<typeof duration>> &
    Record<`${P}-failure-action` | `${P}-order`, ReturnType<typeof text>> &
    Record<`${P}-max-failure-ratio`, ReturnType<typeof float>> &
    Record<`${P}-parallelism`, ReturnType<typeof uint>>
>;

const rolloutWords = {
  update: {
    title: "Update",
    one: "an update",
    many: "updates",
    failureAction: 'Action on update failure ("pause", "continue", "rollback")',
    parallelism: "Maximum number of tasks updated simultaneously (0 to update all at once)",
  },
  rollback: {
    title: "Rollback",
    one: "a rollback",
    many: "task rollbacks",
    failureAction: 'Action on rollback failure ("pause", "continue")',
    parallelism: "Maximum number of tasks rolled back simultaneously (0 to roll back all at once)",
  },
};

export const genericResourceCheck = checkPair("generic-resource");
