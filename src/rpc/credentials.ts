// Who this node is towards others, as long as it lasts: a renewal replaces the whole value.

import type { NodeRole } from "../gen/skep/v1/specs.js";

export interface Credentials {
  readonly nodeId: string;
  readonly clusterId: string;
  readonly role: NodeRole;
  /** PEM: the roots to trust, this node's certificate, and its key (secret). */
  readonly root: string;
  readonly certificate: string;
  readonly key: string;
}

/** The credentials in force. Servers swap theirs when told; a client takes the current ones for each new channel. */
export interface CredentialSource {
  readonly current: Credentials;
  /** Calls `fn` after each change; returns how to stop that. */
  onChange(fn: (credentials: Credentials) => void): () => void;
}
