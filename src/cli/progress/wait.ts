// The wait after a change of a service: look, judge, show, until it converged, failed, or Ctrl-C leaves it to go on.
import type { Node, Service, Task } from "../../api/types.js";
import { type Client, filtersParam } from "../client.js";
import { CliError, DaemonError } from "../errors.js";
import type { World } from "../world.js";
import { initialProgress, judgeTasks, judgeUpdate, type Progress, type Verdict } from "./judge.js";
import { observe } from "./observe.js";
import { ProgressView } from "./render.js";

export interface Waited {
  readonly id: string;
  /** As the user named it: it stands in the last line. */
  readonly name: string;
  readonly quiet: boolean;
}

interface Parts {
  readonly client: Client;
  readonly world: World;
}

const pollMs = 200;
/** While managers elect a leader no look succeeds; longer than this is a failure. */
const blindMaxMs = 30_000;

/** The exit code. @throws CliError when the update paused or the daemon stays away */
export async function waitOnService(service: Waited, { client, world }: Parts): Promise<number> {
  const stop = new AbortController();
  const forget = world.onInterrupt(() => stop.abort());
  const output = service.quiet ? { ...world.stdout, write: () => undefined } : world.stdout;
  const view = new ProgressView(output);
  try {
    await watch(service, { client, world, view, signal: stop.signal });
    return 0;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    view.note(`Operation continuing in background.\nUse \`skep service ps ${service.name}\` to check progress.`);
    return 0;
  } finally {
    forget();
  }
}

interface Watch extends Parts {
  readonly view: ProgressView;
  readonly signal: AbortSignal;
}

async function watch(service: Waited, parts: Watch): Promise<void> {
  let progress = initialProgress();
  let blindSinceMs: number | undefined;
  for (;;) {
    try {
      const { next, verdict } = await lookOnce(service, progress, parts);
      progress = next;
      blindSinceMs = undefined;
      if (verdict.kind === "done") return;
      if (verdict.kind === "failed") throw new CliError(verdict.message);
    } catch (error) {
      if (!isPassing(error)) throw error;
      blindSinceMs = stayPatient(error, blindSinceMs, parts);
    }
    await parts.world.sleep(pollMs, parts.signal);
  }
}

async function lookOnce(
  { id, name }: Waited,
  progress: Progress,
  { client, world, view, signal }: Watch,
): Promise<{ readonly next: Progress; readonly verdict: Verdict }> {
  const service = await client.get<Service>(`/services/${id}`, { query: { insertDefaults: false }, signal });
  const update = judgeUpdate(progress, service.UpdateStatus);
  if (update.verdict.kind === "failed") return { next: update.progress, verdict: update.verdict };
  for (const note of update.verdict.notes) view.note(note);
  if (update.verdict.kind === "done") return { next: update.progress, verdict: update.verdict };
  const filters = filtersParam({ service: [id], "_up-to-date": ["true"] });
  const tasks = await client.get<readonly Task[]>("/tasks", { query: { filters }, signal });
  const nodes = await client.get<readonly Node[]>("/nodes", { signal });
  const seen = observe({ service, tasks, nodes, isRollback: update.progress.isRollback });
  const { progress: next, verdict } = judgeTasks(update.progress, seen, service, name, world.monotonic());
  if (verdict.kind !== "failed") view.show(seen, verdict.notes, world.now());
  return { next, verdict };
}

/** A daemon that restarts or managers without a leader: worth looking again. */
function isPassing(error: unknown): boolean {
  if (error instanceof DaemonError) return error.status === 500 || error.status === 503;
  return error instanceof CliError && /^(Cannot connect|error during connect)/.test(error.message);
}

function stayPatient(error: unknown, sinceMs: number | undefined, { world, view }: Watch): number {
  const nowMs = world.monotonic();
  const why = error instanceof Error ? error.message : String(error);
  if (sinceMs === undefined) view.note(`waiting: ${why}`);
  else if (nowMs - sinceMs > blindMaxMs) throw error;
  return sinceMs ?? nowMs;
}
