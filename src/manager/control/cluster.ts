// The cluster's own settings and the tokens it is joined with.

import { rpcError } from "../../base/index.js";
import type { ClusterSpec } from "../../gen/skep/v1/specs.js";
import { validateCluster } from "../../model/index.js";
import type { Transaction } from "../../store/index.js";
import { notBuilt } from "./unbuilt.js";
import { outOfSequence } from "./version.js";
import type { Writes } from "./write.js";

export interface TokenRotation {
  readonly worker: boolean;
  readonly manager: boolean;
  /** The key managers are locked with. */
  readonly unlockKey?: boolean;
}

/** What control asks of the certificate authority, which alone writes tokens. */
export interface CertificateAuthority {
  /** Gives the cluster row new secrets in the chosen join tokens, inside the caller's transaction. */
  rotateTokens(tx: Transaction, which: TokenRotation): void;
  /** Draws, replaces or drops the unlock key as the cluster's spec and the wish say, inside the caller's transaction. */
  settleUnlockKey(tx: Transaction, rotate: boolean): void;
  /** The unlock key in force as users see it; "" while managers are not locked. Secret. */
  unlockKey(): string;
}

export class ClusterControl {
  readonly #writes: Writes;
  readonly #ca: CertificateAuthority;

  constructor(
    _options: Record<string, never>,
    modules: { readonly writes: Writes; readonly ca: CertificateAuthority },
  ) {
    this.#writes = modules.writes;
    this.#ca = modules.ca;
  }

  /** Replaces the whole spec, and rotates tokens if asked to. */
  async update(requestId: string, version: number, spec: ClusterSpec, rotate: TokenRotation): Promise<void> {
    validateCluster(spec);
    await this.#writes.once(requestId, (tx) => {
      const { cluster } = tx;
      if (cluster === undefined) throw rpcError("NotFound", "no cluster");
      if (cluster.meta?.version !== version) throw outOfSequence();
      refuseUnbuilt(spec, cluster.spec?.ca?.forceRotate ?? 0);
      tx.put("cluster", { ...cluster, spec });
      if (rotate.worker || rotate.manager) this.#ca.rotateTokens(tx, rotate);
      this.#ca.settleUnlockKey(tx, rotate.unlockKey ?? false);
      return "";
    });
  }

  /** `SWMKEY-1-…`, or "" while managers are not locked. */
  unlockKey(): string {
    return this.#ca.unlockKey();
  }
}

function refuseUnbuilt(spec: ClusterSpec, forceRotate: number): void {
  const ca = spec.ca;
  if (ca === undefined) return;
  if (ca.externalCas.length > 0) throw notBuilt("external certificate authorities are", "use the swarm's own");
  const rotates = ca.forceRotate !== forceRotate || ca.signingCaCert !== "" || ca.signingCaKey !== "";
  if (rotates) {
    throw notBuilt("rotating the root certificate is", "rotate the join tokens with 'swarm join-token --rotate'");
  }
}
