// What nodes are asked to publish of their logs. The dispatcher only tells it; the log broker knows it.

import type { LogSubscriptions } from "../../gen/skep/v1/logs.js";

export interface LogRequests {
  /** All that is wanted of the node now: the same object until something in it changes. */
  of(nodeId: string): LogSubscriptions;
  /** Calls `listener` when `of` answers differently for a node. */
  onChange(listener: (nodeId: string) => void): void;
}

const nothing: LogSubscriptions = { subscriptions: [] };

/** Of a leader that serves no logs. */
export const noLogs: LogRequests = { of: () => nothing, onChange: () => undefined };
