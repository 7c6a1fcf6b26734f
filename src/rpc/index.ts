/**
 * What nodes say to each other over mutual TLS on one port: gRPC, and lines for the two streams on whose every message a user
 * waits (docs/decisions/lines.md). Here are the server, the clients, and the binding of the swarm's services to both; what is
 * said is decided elsewhere.
 *
 * What must stay true:
 * R1  every call passes the gate before anything of it is read, and so does every line: a method is open to the roles its
 *     binding names, and to nobody else. A method without a row in that table is not served.
 * R2  who calls is what the verified certificate of the connection says, never what a message says.
 * R3  a node that was removed is refused at its next call or message, whatever its certificate says.
 * R4  a peer without a certificate of ours in force is a stranger: another gRPC server with far smaller bounds serves it,
 *     so that nothing it does can use up what members need.
 * R5  every wait has a bound: handshakes, strangers' connections, unary calls, the opening of a session, the shutdown.
 *
 * R6  what Raft is handed is of the member that says so, to this one, and something Raft can have said (raft-messages.ts).
 * R7  who waits for a peer holds a bounded amount for it: links drop and say so, snapshots wait for the other side.
 *
 * Start at server.ts; front.ts accepts connections, gate.ts and access.ts let calls in, dial.ts calls; raft-links.ts and
 * raft-binding.ts carry the consensus; line.ts is a line, lines.ts serves them.
 */
export { type Access, managersOnly, members, type Peer, type PeerNode, refusalFor } from "./access.js";
export { remoteAddress } from "./address.js";
export { type Binding, defineBinding } from "./binding.js";
export { caBinding } from "./ca-binding.js";
export { fetchRoot, issueCertificate } from "./ca-client.js";
export type { CredentialSource, Credentials } from "./credentials.js";
export { dialError } from "./dial-error.js";
export { dispatcherBinding } from "./dispatcher-binding.js";
export { forwardBinding } from "./forward-binding.js";
export type { ForwardCalls, ForwardHandler } from "./forward-calls.js";
export { LeaderLink, type LeaderLinkModules } from "./forward-client.js";
export type { ForwardAnswer, ForwardBody, ForwardRequest, NotLeadingAnswer } from "./forward-message.js";
export { logsBinding } from "./logs-binding.js";
export type {
  CaCalls,
  DispatcherCalls,
  LeaderCalls,
  LogsCalls,
  ManagerCalls,
  MembersCalls,
  SessionPeer,
} from "./manager-calls.js";
export { membersBinding } from "./members-binding.js";
export { joinMembers, leaveMembers } from "./members-client.js";
export { type RaftCalls, raftBinding } from "./raft-binding.js";
export { RaftLinks, type RaftLinksModules, type RaftLinksOptions } from "./raft-links.js";
export type { LinkProbe } from "./raft-probe.js";
export { RpcServer, type RpcServerModules, type RpcServerOptions } from "./server.js";
export { openSession, type SessionOptions, type SessionStream } from "./session.js";
export { NodeRemoved, NotTheLeader } from "./status.js";
