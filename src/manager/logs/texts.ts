// What is said of logs that could not be had, in Docker's words (swarm-semantics §10.1).

/** Reasons named; the rest is counted. */
const reasonsMax = 20;

export const texts = {
  unavailable: (nodeId: string) => `node ${nodeId} is not available`,
  disconnected: (nodeId: string) => `node ${nodeId} disconnected unexpectedly`,
  unscheduled: (taskId: string) => `task ${taskId} has not been scheduled`,
  leaderChanged: "another manager leads the swarm now, or none does: ask again for the lines that came since",
} as const;

export function incomplete(reasons: readonly string[]): string {
  const named = reasons.slice(0, reasonsMax);
  const more = reasons.length > reasonsMax ? [`and ${reasons.length - reasonsMax} more`] : [];
  const why = [...named, ...more].join(", ");
  return `warning: incomplete log stream. some logs could not be retrieved for the following reasons: ${why}`;
}
