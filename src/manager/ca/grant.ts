// Who gets a certificate, and as what: a pure decision over what the caller has shown.

import { SwarmError } from "../../base/index.js";
import type { Cluster, JoinTokens, Node } from "../../gen/skep/v1/objects.js";
import { NodeRole } from "../../gen/skep/v1/specs.js";

/** Docker's answer to a wrong token. */
export const joinSentence = "A valid join token is necessary to join this cluster";

/** What the caller has shown: a certificate in force, the key of an expired one, or a token, which may be any text. */
export type Shown =
  | { readonly kind: "certificate"; readonly nodeId: string }
  | { readonly kind: "expired"; readonly nodeId: string; readonly fingerprint: string }
  | { readonly kind: "token"; readonly token: string };

export type Grant =
  | { readonly kind: "join"; readonly role: NodeRole }
  | { readonly kind: "renew"; readonly nodeId: string; readonly role: NodeRole };

export interface GrantWorld {
  readonly cluster: Cluster;
  nodeById(id: string): Node | undefined;
  sameSecret(a: string, b: string): boolean;
}

/** C1. Throws what the caller is to be told. */
export function grantFor(shown: Shown, world: GrantWorld): Grant {
  switch (shown.kind) {
    case "certificate":
      return renewal(memberById(shown.nodeId, world));
    case "expired":
      return renewal(lastHeldBy(memberById(shown.nodeId, world), shown.fingerprint));
    case "token":
      return { kind: "join", role: roleOfToken(shown.token, world) };
    default:
      return shown satisfies never;
  }
}

function renewal(node: Node): Grant {
  return { kind: "renew", nodeId: node.id, role: node.role };
}

function memberById(nodeId: string, world: GrantWorld): Node {
  const node = world.nodeById(nodeId);
  if (node === undefined || world.cluster.removedNodes.some((removed) => removed.nodeId === nodeId)) {
    throw new SwarmError("PermissionDenied", `Permission denied: node ${nodeId} was removed from swarm`);
  }
  return node;
}

/** Only the last certificate counts: an older one may have been copied from a backup long ago. */
function lastHeldBy(node: Node, fingerprint: string): Node {
  if (node.certificate?.fingerprint === fingerprint) return node;
  throw new SwarmError(
    "PermissionDenied",
    `Permission denied: the expired certificate is not the last one node ${node.id} was given`,
  );
}

/** Both tokens are always compared, in constant time each. */
function roleOfToken(token: string, world: GrantWorld): NodeRole {
  const tokens: JoinTokens = world.cluster.rootCa?.joinTokens ?? { worker: "", manager: "" };
  const isWorker = tokens.worker !== "" && world.sameSecret(token, tokens.worker);
  const isManager = tokens.manager !== "" && world.sameSecret(token, tokens.manager);
  if (isWorker) return NodeRole.WORKER;
  if (isManager) return NodeRole.MANAGER;
  throw new SwarmError("InvalidArgument", joinSentence);
}
