// A request that only the leader can answer: here if this node is it, else handed on. A leader that goes away in the
// middle is no error: the next one is asked, with the same request id, so that a write happens once and has one answer.

import { Ending, rpcError, SwarmError } from "../base/index.js";
import { lostLeadership } from "../manager/control/index.js";
import type { Answer, Call, Handler } from "./call.js";
import type { ApiRequest, ApiResponse } from "./http.js";
import { isSame, type Reached, reach } from "./leader-watch.js";
import type { Node, NotLeading } from "./modules.js";
import { noLeaderText } from "./no-leader.js";
import { isLinearizable, NotCurrent, readsOnly, untilCurrent } from "./reads.js";
import { locked, managerStarting, notInSwarm, unavailable, workerOnly } from "./texts.js";

/** A call that finds no leader, or loses the one it found, waits this long: elections take less. */
const leaderWaitMs = 3_000;
/** From its beginning to its answer at most: longer than any write may take (Docker's 20 s) and one search. */
const callMs = 25_000;
/** Before a leader that did not answer is asked again, if nobody else leads by then; doubles up to the maximum. */
const againFirstMs = 5;
const againMaxMs = 320;

/** One that was elected a moment ago may need this long to begin: what is handed on to it meanwhile waits. */
const beginMs = 250;

type LeaderHandler = Handler & { readonly where: "leader" };

/** A leader that gave no answer. */
interface Failure {
  readonly reached: Reached;
  readonly error: SwarmError;
  /** When the same one may be asked again. */
  readonly againAtMs: number;
  readonly count: number;
}

export async function callLeader(call: Call, handler: LeaderHandler): Promise<Answer> {
  const { node, clock } = call.shared.modules;
  const startedAtMs = clock.monotonic();
  const endMs = startedAtMs + callMs;
  // Mostly there is one, and it answers.
  let known = reach(node);
  let deadlineMs = startedAtMs + (known === undefined ? patienceMs(call) : leaderWaitMs);
  let failure: Failure | undefined;
  for (;;) {
    const reached = known ?? (await nextLeader(call, failure, deadlineMs));
    known = undefined;
    if (reached === undefined) return withoutLeader(call, handler, failure);
    try {
      return reached.at === "here" ? await answerHere(call, handler, reached) : await handOn(call, reached, endMs);
    } catch (error) {
      if (!isUnanswered(error, reached)) throw error;
      // What the first leader took before it was lost was no waiting for one.
      if (failure === undefined) deadlineMs = clock.monotonic() + leaderWaitMs;
      failure = failed(reached, error, failure, clock.monotonic());
    }
  }
}

/** What another manager handed on: answered by the leader this node is, or not at all. */
export async function answerAsLeader(call: Call, handler: LeaderHandler): Promise<Answer | NotLeading> {
  const { node, clock } = call.shared.modules;
  const look = (): Reached | undefined => reach(node);
  const reached = look() ?? (await call.shared.search.until(look, clock.monotonic() + beginMs, call.request.closed()));
  if (reached?.at !== "here") return { notLeading: true };
  try {
    return await answerHere(call, handler, reached);
  } catch (error) {
    if (isUnanswered(error, reached)) return { notLeading: true };
    throw error;
  }
}

/** Without a leader. A read that can be answered so does not wait again once there has been none for that long. */
function patienceMs({ request, shared }: Call): number {
  const { node } = shared.modules;
  if (!readsOnly(request) || isLinearizable(request)) return leaderWaitMs;
  if (node.localControl?.() === undefined) return leaderWaitMs;
  return Math.max(0, leaderWaitMs - (node.quorum?.()?.noLeaderForMs ?? 0));
}

/** Whoever leads and was not found silent just now; undefined when nobody is found until the deadline. */
async function nextLeader(call: Call, failure: Failure | undefined, deadlineMs: number): Promise<Reached | undefined> {
  const { node, clock } = call.shared.modules;
  const look = (): Reached | undefined => {
    const reached = reach(node);
    if (reached === undefined && !isComingUp(node)) refuseNonManager(node, failure?.error);
    const isSilent = reached && failure && isSame(reached, failure.reached) && clock.monotonic() < failure.againAtMs;
    return isSilent ? undefined : reached;
  };
  const isLate = clock.monotonic() >= deadlineMs;
  // Leaders that come and go are no reason to go on for ever.
  if (isLate && failure !== undefined) return undefined;
  return look() ?? (isLate ? undefined : await call.shared.search.until(look, deadlineMs, call.request.closed()));
}

/** It was started or joined a moment ago: a call waits for it as for an election. */
function isComingUp(node: Node): boolean {
  const state = node.state();
  return state.local === "pending" || (state.local === "active" && state.manager === "starting");
}

/** `failure`: what the call has met before. */
export function refuseNonManager(node: Node, failure?: SwarmError): void {
  const text = refusalOf(node);
  if (text === undefined) return;
  // What ended this manager in the middle of a write says more than that it has ended: its disk is full.
  throw failure !== undefined && lostLeadership(failure) === "unknown" ? failure : unavailable(text);
}

function refusalOf(node: Node): string | undefined {
  const state = node.state();
  switch (state.local) {
    case "inactive":
      return notInSwarm;
    case "error":
      return `${notInSwarm} It was in one: ${state.error}`;
    case "locked":
      return locked;
    case "pending":
      return managerStarting;
    case "active":
      return { no: workerOnly, starting: managerStarting, ready: undefined }[state.manager];
    default:
      return state satisfies never;
  }
}

async function answerHere(
  call: Call,
  handler: LeaderHandler,
  { control }: Reached & { readonly at: "here" },
): Promise<Answer> {
  if (isLinearizable(call.request)) await untilCurrent(call, leaderWaitMs);
  const { request, version, id, query, shared } = call;
  return handler.handle({ request, version, id, query, shared, control });
}

/** Ends when another leads, or nobody has for a while: an answer of the old one would not come, or not be the last word. */
function handOn(
  { request, shared }: Call,
  { leader, ...reached }: Reached & { readonly at: "elsewhere" },
  endMs: number,
): Promise<ApiResponse> {
  const { clock } = shared.modules;
  // No abort signals, unless somebody asks for one: they were a quarter of what handing on cost.
  const over = new Ending();
  const stopListening = whenClosed(request, (reason) => over.end(reason));
  const look = overtaking(shared.modules, { leader, ...reached });
  const stopLooking = shared.handedOn.keepLooking(() => {
    const reason = look() ?? (clock.monotonic() >= endMs ? tooLate() : undefined);
    if (reason !== undefined) over.end(reason);
  });
  return new Promise<ApiResponse>((resolve, reject) => {
    const fail = (reason: unknown): void => {
      stopLooking();
      stopListening();
      reject(reason as Error);
    };
    over.listen(fail);
    leader.forward(askedOn(request, over), over).then((answer) => {
      stopLooking();
      over.unlisten(fail);
      // What comes when it comes ends with its reader.
      if (answer.body.kind !== "stream") stopListening();
      resolve(answer);
    }, fail);
  });
}

function askedOn({ id, method, path, query, headers, body }: ApiRequest, over: Ending): ApiRequest {
  return { id, method, path, query, headers, body, closed: () => over.signal };
}

function whenClosed(request: ApiRequest, fn: (reason: unknown) => void): () => void {
  if (request.whenClosed) return request.whenClosed(fn);
  const signal = request.closed();
  const onAbort = (): void => fn(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return () => signal.removeEventListener("abort", onAbort);
}

function tooLate(): SwarmError {
  return rpcError("DeadlineExceeded", "context deadline exceeded");
}

function overtaking(
  { node, clock }: Pick<Call["shared"]["modules"], "node" | "clock">,
  asked: Reached,
): () => SwarmError | undefined {
  let leaderlessAtMs: number | undefined;
  return () => {
    const now = reach(node);
    if (now !== undefined) {
      leaderlessAtMs = undefined;
      return isSame(now, asked) ? undefined : unavailable("the leader was replaced before it answered");
    }
    leaderlessAtMs ??= clock.monotonic();
    const isGone = clock.monotonic() - leaderlessAtMs >= leaderWaitMs;
    return isGone ? unavailable("the leader was lost before it answered") : undefined;
  };
}

/** Refusals are answers; what is left is that the leader was not there, or is it no more. */
function isUnanswered(error: unknown, { at }: Reached): error is SwarmError {
  if (!(error instanceof SwarmError)) return false;
  if (at === "elsewhere") return error.kind === "Unavailable";
  return error instanceof NotCurrent || lostLeadership(error) !== undefined;
}

function failed(reached: Reached, error: SwarmError, before: Failure | undefined, nowMs: number): Failure {
  const count = (before?.count ?? 0) + 1;
  const againAtMs = nowMs + Math.min(againFirstMs * 2 ** (count - 1), againMaxMs);
  return { reached, error, againAtMs, count };
}

/** A read is answered from this manager's own store, and says how old that may be; a write is refused with what to do. */
async function withoutLeader(call: Call, handler: LeaderHandler, failure: Failure | undefined): Promise<Answer> {
  const { node } = call.shared.modules;
  const quorum = node.quorum?.();
  const control = readsOnly(call.request) && !isLinearizable(call.request) ? node.localControl?.() : undefined;
  // A manager that has nothing of its swarm yet would show an empty one.
  if (control?.view.cluster !== undefined) {
    const answer = await handler.handle({ ...call, control });
    const seconds = String(Math.ceil((quorum?.noLeaderForMs ?? leaderWaitMs) / 1000));
    return "passOn" in answer ? answer : { ...answer, headers: { ...answer.headers, "Skep-Stale": seconds } };
  }
  if (failure === undefined) refuseNonManager(node);
  const outcome = failure === undefined || readsOnly(call.request) ? undefined : outcomeText(failure);
  // A leader that is known and does not answer is another trouble than none.
  if (failure !== undefined && reach(node) !== undefined) {
    throw outcome === undefined ? failure.error : unavailable(outcome);
  }
  const state = node.state();
  const text = noLeaderText(quorum, "nodeId" in state ? state.nodeId : "");
  throw rpcError("Unknown", outcome === undefined ? text : `${outcome}\n${text}`);
}

/** Of a write that may have reached a leader; undefined when it certainly had no effect. */
function outcomeText({ reached, error }: Failure): string | undefined {
  if (reached.at === "elsewhere") return `${error.message}: the change may or may not have happened.`;
  return lostLeadership(error) === "unknown" ? `${error.message}.` : undefined;
}
