// What a manager answers other nodes, as the manager provides it: here it is only bound to gRPC.

import type { IssueRequest, IssueResponse } from "../gen/skep/v1/ca.js";
import type { AgentMessage, ManagerMessage } from "../gen/skep/v1/dispatcher.js";
import type { LogBatch } from "../gen/skep/v1/logs.js";
import type { JoinMembersRequest, JoinMembersResponse } from "../gen/skep/v1/members.js";
import type { NodeRole } from "../gen/skep/v1/specs.js";

export interface CaCalls {
  issue(
    caller: { readonly address: string; readonly nodeId?: string | undefined },
    request: IssueRequest,
  ): Promise<IssueResponse>;
}

/** The node at the other end of a session, as its certificate says. */
export interface SessionPeer {
  readonly nodeId: string;
  readonly role: NodeRole;
  /** IP address the session comes from. */
  readonly address: string;
}

export interface DispatcherCalls {
  /**
   * One session. `incoming` ends when the agent says no more and throws when it is gone; `signal` is aborted then, and
   * when this manager stops. Ending the answer ends the session.
   */
  session(peer: SessionPeer, incoming: AsyncIterable<AgentMessage>, signal: AbortSignal): AsyncIterable<ManagerMessage>;
}

export interface MembersCalls {
  /** The manager `nodeId` asks to be a member of the consensus under a raft id, or announces another address. */
  join(nodeId: string, request: JoinMembersRequest): Promise<JoinMembersResponse>;
  /** It goes; resolves once the others count it out. */
  leave(nodeId: string): Promise<void>;
}

export interface LogsCalls {
  /**
   * What a node read for one subscription. The next batch is asked for once the one before went out; resolves when the
   * node said all, or no more is wanted.
   */
  publish(nodeId: string, batches: AsyncIterable<LogBatch>, signal: AbortSignal): Promise<void>;
}

export interface LeaderCalls {
  readonly ca: CaCalls;
  readonly dispatcher: DispatcherCalls;
  readonly members: MembersCalls;
  readonly logs: LogsCalls;
}

export interface ManagerCalls {
  /** The root certificate tokens are made for, PEM: any manager knows it. */
  root(): string;
  /** Present while this manager leads. */
  leader(): LeaderCalls | undefined;
  /** host:port of the leader as this manager knows it; "" when it knows none. */
  leaderAddr(): string;
}
