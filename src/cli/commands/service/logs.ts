// `skep service logs`
import type { Service, Task } from "../../../api/types.js";
import { type Client, type Query, segment } from "../../client.js";
import { oneArgument, verb } from "../../command.js";
import { CliError, isNotFound } from "../../errors.js";
import { text, toggle } from "../../flags/basic.js";
import type { FlagValues } from "../../flags/flag.js";
import { parseDuration } from "../../flags/quantities.js";
import type { HttpResponse, Output, World } from "../../world.js";
import { logFrames } from "./log-frames.js";
import { LogLines } from "./log-lines.js";

const flags = {
  details: toggle("Show extra details provided to logs"),
  follow: toggle("Follow log output", { short: "f" }),
  "no-resolve": toggle("Do not map IDs to Names in output"),
  "no-task-ids": toggle("Do not include task IDs in output"),
  "no-trunc": toggle("Do not truncate output"),
  raw: toggle("Do not neatly format logs"),
  since: text('Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)'),
  tail: text("Number of lines to show from the end of the logs", { short: "n", shown: '"all"' }),
  timestamps: toggle("Show timestamps", { short: "t" }),
};

export const logs = verb({
  name: "logs",
  use: "[OPTIONS] SERVICE|TASK",
  about: "Fetch the logs of a service or task",
  args: oneArgument,
  flags,
  async run({ flags: given, args: [name = ""], client, world }) {
    const source = await findSource(name, client);
    const isRaw = given.raw === true;
    if (source.isTty && !isRaw) throw new CliError("tty service logs only supported with --raw");
    const stop = new AbortController();
    const forget = world.onInterrupt(() => stop.abort());
    try {
      const query = logQuery(given, world.now());
      const response = await client.stream(source.path, { query, signal: stop.signal });
      if (isRaw) await copyRaw(response, source.isTty, world);
      else await printLines(response, new LogLines(lineOptions(given, source.slotDigits), client), world);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      forget();
      // A stream that follows would keep the process.
      stop.abort();
    }
    return undefined;
  },
});

interface Source {
  readonly path: string;
  readonly isTty: boolean;
  readonly slotDigits: number;
}

async function findSource(name: string, client: Client): Promise<Source> {
  const service = await orMissing(() =>
    client.get<Service>(`/services/${segment(name)}`, { query: { insertDefaults: false } }),
  );
  if (service !== undefined) {
    return {
      path: `/services/${segment(name)}/logs`,
      isTty: service.Spec.TaskTemplate.ContainerSpec?.TTY ?? false,
      slotDigits: String(service.Spec.Mode.Replicated?.Replicas ?? 1).length,
    };
  }
  const task = await orMissing(() => client.get<Task>(`/tasks/${segment(name)}`));
  if (task === undefined) throw new CliError(`no such task or service: ${name}`);
  return {
    path: `/tasks/${segment(name)}/logs`,
    isTty: task.Spec.ContainerSpec?.TTY ?? false,
    slotDigits: String(task.Slot ?? 0).length,
  };
}

async function orMissing<T>(get: () => Promise<T>): Promise<T | undefined> {
  try {
    return await get();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function logQuery(given: FlagValues<typeof flags>, nowMs: number): Query {
  const on = (flag: boolean | undefined): 1 | undefined => (flag === true ? 1 : undefined);
  return {
    details: on(given.raw === true ? given.details : true),
    follow: on(given.follow),
    since: given.since === undefined ? undefined : sinceStamp(given.since, nowMs),
    stderr: 1,
    stdout: 1,
    tail: given.tail ?? "all",
    timestamps: on(given.timestamps),
  };
}

function lineOptions(given: FlagValues<typeof flags>, slotDigits: number) {
  return {
    resolves: given["no-resolve"] !== true,
    truncates: given["no-trunc"] !== true,
    taskIds: given["no-task-ids"] !== true,
    timestamps: given.timestamps ?? false,
    details: given.details ?? false,
    slotDigits,
  };
}

/** Unix seconds, with a fraction: of a time, of a time ago, or as it came when it is a number already. */
export function sinceStamp(since: string, nowMs: number): string {
  if (/^\d+(\.\d+)?$/.test(since)) return since;
  const at = durationBefore(since, nowMs) ?? Date.parse(since);
  if (Number.isNaN(at)) {
    throw new CliError(
      `invalid value for "since": failed to parse value as time or duration: ${JSON.stringify(since)}`,
    );
  }
  return (at / 1000).toFixed(9);
}

function durationBefore(text: string, nowMs: number): number | undefined {
  try {
    return nowMs - parseDuration(text) / 1e6;
  } catch {
    return undefined;
  }
}

async function copyRaw({ body }: HttpResponse, isTty: boolean, { stdout, stderr }: World): Promise<void> {
  if (isTty) for await (const chunk of body) stdout.write(chunk);
  else for await (const { stream, payload } of logFrames(body)) (stream === "stderr" ? stderr : stdout).write(payload);
}

async function printLines({ body }: HttpResponse, lines: LogLines, { stdout, stderr }: World): Promise<void> {
  for await (const { stream, payload } of logFrames(body)) {
    const output: Output = stream === "stderr" ? stderr : stdout;
    for (const line of Buffer.from(payload).toString("utf8").replace(/\n$/, "").split("\n")) {
      output.write(`${await lines.format(line)}\n`);
    }
  }
}
