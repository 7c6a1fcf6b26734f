// From three PEM texts to credentials in force, if they fit together (I3).

import { type Clock, type Disk, type Log, messageOf, type Random, SwarmError } from "../../base/index.js";
import type { CertificateFacts, Pki } from "../../manager/ca/index.js";
import type { Credentials } from "../../rpc/index.js";
import type { KeyAtRest, Pems } from "./files.js";

export interface IdentityModules {
  /** The data folder. */
  readonly disk: Disk;
  readonly pki: Pki;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** How the key stands on disk; absent: in the open. */
  readonly keyAtRest?: KeyAtRest;
}

/** Credentials with how long they last. Wall times. */
export interface Held extends Credentials {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Who the node is to be; absent parts are not compared. */
export type Expected = Partial<Pick<CertificateFacts, "nodeId" | "clusterId">>;

/** Rejects what does not belong together; `what` names it: "the stored certificate". Expired is not wrong. */
export function heldFrom({ root, certificate, key }: Pems, pki: Pki, what: string, expected: Expected = {}): Held {
  const { nodeId, clusterId, role, notBeforeMs, notAfterMs } = inspected(() => pki.inspect(certificate, root), what);
  if (!inspected(() => pki.isKeyOf(key, certificate), what)) throw unfit(what, "it does not belong to the node's key");
  if (expected.nodeId !== undefined && expected.nodeId !== nodeId) throw unfit(what, `it is of node ${nodeId}`);
  if (expected.clusterId !== undefined && expected.clusterId !== clusterId) {
    throw unfit(what, `it is of swarm ${clusterId}`);
  }
  return { root, certificate, key, nodeId, clusterId, role, notBeforeMs, notAfterMs };
}

function inspected<T>(read: () => T, what: string): T {
  try {
    return read();
  } catch (error) {
    throw unfit(what, messageOf(error));
  }
}

function unfit(what: string, why: string): SwarmError {
  return new SwarmError("FailedPrecondition", `${what} cannot be used: ${why}`);
}
