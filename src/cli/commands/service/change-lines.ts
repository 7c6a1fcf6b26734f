// What differs between two specs, a line each: by the flag that changes it where there is one, in that flag's units.
import type { PlannedChange } from "../../../api/types.js";
import type { Paint } from "../../colour.js";
import { showBytes, showDuration } from "../../flags/quantities.js";
import { familiarImage } from "../image.js";

export function changeLines(changes: readonly PlannedChange[], paint: Paint): readonly string[] {
  const named = changes.map((change) => ({ ...change, ...shapeOf(change.Field) }));
  const width = Math.max(0, ...named.map(({ name }) => name.length));
  return named.map(({ name, show, Old, New }) => `  ${name.padEnd(width)}   ${betweenText(Old, New, show, paint)}`);
}

type Show = (value: unknown) => string;

/** Lists by what comes and goes, all else as old → new. */
function betweenText(old: unknown, now: unknown, show: Show, paint: Paint): string {
  const [before, after] = [old ?? [], now ?? []];
  if ((Array.isArray(old) || Array.isArray(now)) && Array.isArray(before) && Array.isArray(after)) {
    const [was, is] = [before.map(show), after.map(show)];
    const gone = was.filter((each) => !is.includes(each)).map((each) => paint.bad(`-${each}`));
    const come = is.filter((each) => !was.includes(each)).map((each) => paint.good(`+${each}`));
    if (gone.length + come.length > 0) return [...gone, ...come].join(" ");
    return `${was.join(" ")} → ${is.join(" ")}`;
  }
  return `${old === undefined ? "(none)" : show(old)} → ${now === undefined ? "(none)" : show(now)}`;
}

const plain: Show = (value) => (typeof value === "string" ? (value === "" ? '""' : value) : JSON.stringify(value));
const time: Show = (value) => (typeof value === "number" ? showDuration(value) : plain(value));
const bytes: Show = (value) => (typeof value === "number" ? showBytes(value) : plain(value));
const cpus: Show = (value) => (typeof value === "number" ? String(value / 1e9) : plain(value));
const image: Show = (value) => (typeof value === "string" ? imageText(value) : plain(value));
const port: Show = (value) => portText(value as Readonly<Record<string, unknown>>);

function imageText(value: string): string {
  const [, digest] = /@(sha256:[0-9a-f]{3})[0-9a-f]{61}$/.exec(value) ?? [];
  const name = familiarImage(value);
  return digest === undefined || name.includes("@") ? name : `${name} (${digest}…)`;
}

function portText({
  PublishedPort = 0,
  TargetPort = 0,
  Protocol = "tcp",
  PublishMode = "",
}: Readonly<Record<string, unknown>>): string {
  return `${String(PublishedPort)}:${String(TargetPort)}/${String(Protocol)}${PublishMode === "host" ? " (host)" : ""}`;
}

interface Shape {
  readonly name: string;
  readonly show: Show;
}

function shapeOf(field: string): Shape {
  const known = shapes[field];
  if (known !== undefined) return known;
  for (const [prefix, name] of maps)
    if (field.startsWith(prefix)) return { name: `${name} ${field.slice(prefix.length)}`, show: plain };
  return { name: field, show: plain };
}

const maps = [
  ["Labels.", "label"],
  ["TaskTemplate.ContainerSpec.Labels.", "container-label"],
] as const;

const container = "TaskTemplate.ContainerSpec";
const resources = "TaskTemplate.Resources";
const placement = "TaskTemplate.Placement";

const shapes: Readonly<Record<string, Shape>> = {
  "Mode.Replicated.Replicas": { name: "replicas", show: plain },
  "Mode.ReplicatedJob.MaxConcurrent": { name: "max-concurrent", show: plain },
  "Mode.ReplicatedJob.TotalCompletions": { name: "replicas", show: plain },
  [`${container}.Image`]: { name: "image", show: image },
  [`${container}.Env`]: { name: "env", show: plain },
  [`${container}.Args`]: { name: "args", show: plain },
  [`${container}.Command`]: { name: "entrypoint", show: plain },
  [`${container}.Hostname`]: { name: "hostname", show: plain },
  [`${container}.User`]: { name: "user", show: plain },
  [`${container}.Dir`]: { name: "workdir", show: plain },
  [`${container}.Mounts`]: { name: "mount", show: plain },
  [`${container}.StopGracePeriod`]: { name: "stop-grace-period", show: time },
  [`${container}.Healthcheck.Interval`]: { name: "health-interval", show: time },
  [`${container}.Healthcheck.Timeout`]: { name: "health-timeout", show: time },
  [`${container}.Healthcheck.StartPeriod`]: { name: "health-start-period", show: time },
  [`${resources}.Limits.NanoCPUs`]: { name: "limit-cpu", show: cpus },
  [`${resources}.Limits.MemoryBytes`]: { name: "limit-memory", show: bytes },
  [`${resources}.Limits.Pids`]: { name: "limit-pids", show: plain },
  [`${resources}.Reservations.NanoCPUs`]: { name: "reserve-cpu", show: cpus },
  [`${resources}.Reservations.MemoryBytes`]: { name: "reserve-memory", show: bytes },
  [`${resources}.Reservations.GenericResources`]: { name: "generic-resource", show: plain },
  [`${placement}.Constraints`]: { name: "constraint", show: plain },
  [`${placement}.MaxReplicas`]: { name: "replicas-max-per-node", show: plain },
  [`${placement}.Preferences`]: { name: "placement-pref", show: plain },
  [`${placement}.Platforms`]: { name: "platforms of the image", show: plain },
  "TaskTemplate.RestartPolicy.Condition": { name: "restart-condition", show: plain },
  "TaskTemplate.RestartPolicy.Delay": { name: "restart-delay", show: time },
  "TaskTemplate.RestartPolicy.MaxAttempts": { name: "restart-max-attempts", show: plain },
  "TaskTemplate.RestartPolicy.Window": { name: "restart-window", show: time },
  "TaskTemplate.ForceUpdate": { name: "force", show: plain },
  "EndpointSpec.Ports": { name: "publish", show: port },
  "EndpointSpec.Mode": { name: "endpoint-mode", show: plain },
  ...updateShapes("UpdateConfig", "update"),
  ...updateShapes("RollbackConfig", "rollback"),
};

function updateShapes(part: string, flag: string): Readonly<Record<string, Shape>> {
  return {
    [`${part}.Parallelism`]: { name: `${flag}-parallelism`, show: plain },
    [`${part}.Delay`]: { name: `${flag}-delay`, show: time },
    [`${part}.Monitor`]: { name: `${flag}-monitor`, show: time },
    [`${part}.FailureAction`]: { name: `${flag}-failure-action`, show: plain },
    [`${part}.MaxFailureRatio`]: { name: `${flag}-max-failure-ratio`, show: plain },
    [`${part}.Order`]: { name: `${flag}-order`, show: plain },
  };
}
