// What a manager offers to those that hand requests on to it.

import { type Ending, SwarmError } from "../base/index.js";
import type { ForwardAnswer, ForwardRequest, NotLeadingAnswer } from "./forward-message.js";

/** Answers one request. Never forwards it again: `notLeading` says that another is to be asked. */
export type ForwardHandler = (
  request: ForwardRequest,
  /** Nobody waits for the answer any more. */
  over: Ending,
) => Promise<ForwardAnswer | NotLeadingAnswer>;

export interface ForwardCalls {
  readonly handle: ForwardHandler;
  /** host:port of the leader as this manager knows it, "" for none. */
  leaderAddr(): string;
  /** By what this manager knows. The certificate of a node that was demoted says manager until it runs out. */
  isWorker(nodeId: string): boolean;
}

/** Throws PermissionDenied for a manager that is none any more. */
export function refuseWorker(nodeId: string, calls: ForwardCalls): void {
  if (!calls.isWorker(nodeId)) return;
  throw new SwarmError("PermissionDenied", `Permission denied: node ${nodeId} is a manager no more`);
}
