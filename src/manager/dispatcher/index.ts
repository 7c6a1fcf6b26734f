/**
 * The dispatcher: holds a session with the agent of every node, tells each exactly the tasks assigned to it, stores what
 * they report, and judges which nodes are there.
 *
 * What must stay true:
 * D1  a node is DOWN only because it, or its engine, was silent for its grace on this leader's clock, or because it said it
 *     goes; never because a stream broke, the leader changed, or this process stood still.
 * D2  what an agent is told is the difference between what it holds and the store, looked up when the stream can take it:
 *     a reconnect, a new leader and a lost memory are one path, and a slow agent queues nothing here.
 * D3  a status is stored only if it is of the node's own task and does not go back; acknowledged only once committed.
 * D4  a node has one session; the newer one wins.
 * D5  what is known decides inside the transaction that writes it, so an old verdict never overwrites a newer one.
 *
 * Start at dispatcher.ts; presence.ts and liveness.ts judge (pure), task-set.ts makes the difference (pure),
 * accept-status.ts decides what is stored (pure), sessions.ts and session.ts hold the streams.
 */
export { Dispatcher, type DispatcherModules, type DispatcherOptions } from "./dispatcher.js";
export type { LogRequests } from "./log-requests.js";
export type { SessionPeer } from "./sessions.js";
