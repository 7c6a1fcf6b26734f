// New join tokens: only the secret changes, the digest is the root's. Nodes that joined keep their certificates.

import { invariant, type Random, type WallTime } from "../../base/index.js";
import type { Cluster, JoinTokens, RootCa } from "../../gen/skep/v1/objects.js";
import { nodeExpiryDefaultMs } from "./profile.js";
import { joinToken, tokenSecretBytes } from "./token.js";

export interface TokenKinds {
  readonly worker?: boolean;
  readonly manager?: boolean;
}

/** The root with new tokens of these kinds; to be called where the random secret is drawn, before or in a transaction. */
export function rotateTokens(rootCa: RootCa, kinds: TokenKinds, random: Random): RootCa {
  const old = rootCa.joinTokens;
  invariant(old !== undefined, "a root has join tokens");
  const fresh = newTokens(rootCa.digest, random);
  const joinTokens: JoinTokens = {
    worker: kinds.worker ? fresh.worker : old.worker,
    manager: kinds.manager ? fresh.manager : old.manager,
  };
  return { ...rootCa, joinTokens };
}

export function newTokens(digest: string, random: Random): JoinTokens {
  return {
    worker: joinToken(digest, random.bytes(tokenSecretBytes)),
    manager: joinToken(digest, random.bytes(tokenSecretBytes)),
  };
}

/** How long the certificates of this cluster's nodes live, with Docker's default where the spec says nothing. */
export function certificateExpiry(cluster: Cluster | undefined): WallTime {
  const asked = cluster?.spec?.ca?.nodeCertExpiry;
  return asked && asked.seconds > 0 ? asked : { seconds: nodeExpiryDefaultMs / 1000, nanos: 0 };
}
