// The CA on the leader: answers requests for certificates and forgets removed nodes whose certificates have run out.

import {
  type Clock,
  type Counter,
  invariant,
  type Log,
  type Metrics,
  messageOf,
  millis,
  newId,
  type Random,
  SwarmError,
  sleep,
  wallTime,
} from "../../base/index.js";
import type { IssueRequest, IssueResponse } from "../../gen/skep/v1/ca.js";
import { Node, NodeState, type RootCa } from "../../gen/skep/v1/objects.js";
import { NodeAvailability, type NodeRole } from "../../gen/skep/v1/specs.js";
import { NotLeader, type Store, type Transaction, UnknownOutcome, type View, type Writer } from "../../store/index.js";
import { type Grant, grantFor, type Shown } from "./grant.js";
import type { IssuedCertificate, Pki, SigningRoot } from "./pki.js";
import { nodeProfile } from "./profile.js";
import { certificateExpiry, rotateTokens, type TokenKinds } from "./rotate.js";
import { unlockKeyOf, unlockKeyText, withUnlockKey } from "./unlock.js";

/** A request for a certificate is far smaller: an RSA key of 16,384 bits fits. */
const csrBytesMax = 16 * 1024;
const hostnameLengthMax = 255;
/** New ids drawn when one is taken already (swarm-semantics §8.3). */
const idTriesMax = 3;
/** How often removed nodes are looked at whose certificates may have run out. */
const forgetPeriodMs = 3_600_000;

/** Who asks, as the transport verified it. */
export interface Caller {
  /** The address the call came from: for the log. */
  readonly address: string;
  /** The node whose certificate in force was shown; absent for a joiner. */
  readonly nodeId?: string | undefined;
}

export type CaOptions = Readonly<Record<string, never>>;

export interface CaModules {
  readonly store: Store;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly pki: Pki;
}

export class Ca {
  readonly #modules: CaModules;
  readonly #issued: Counter;
  readonly #refused: Counter;

  constructor(_options: CaOptions, modules: CaModules) {
    this.#modules = modules;
    this.#issued = modules.metrics.counter("skep_ca_issued_total", "Certificates issued.", ["kind"]);
    this.#refused = modules.metrics.counter("skep_ca_refused_total", "Requests for a certificate that were refused.");
  }

  /** Answers a joiner's or a renewing node's request; C4: a failure is logged with the address and never the token. */
  async issue(caller: Caller, request: IssueRequest): Promise<IssueResponse> {
    try {
      const response = await this.#issue(caller, request);
      const kind = request.joinToken === "" || caller.nodeId !== undefined ? "renew" : "join";
      this.#issued.add(1, { kind });
      this.#modules.log.info("certificate issued", { kind, nodeId: response.nodeId, address: caller.address });
      return response;
    } catch (error) {
      this.#refused.add();
      this.#modules.log.warn("certificate refused", { address: caller.address, reason: messageOf(error) });
      throw isLeadershipLost(error) ? leadershipLost(error) : error;
    }
  }

  /** For this node itself, which holds the store: renews without a call, even when its own certificate has expired. */
  async issueLocal(nodeId: string, csr: string): Promise<IssueResponse> {
    return this.#issueTo({ kind: "certificate", nodeId }, csr, { hostname: "", availability: NodeAvailability.ACTIVE });
  }

  /** Replaces join tokens in the caller's transaction; the old ones stop working with it. */
  rotateTokens(tx: Transaction, kinds: TokenKinds): void {
    const cluster = tx.cluster;
    invariant(cluster?.rootCa !== undefined, "a leader's cluster has a root");
    tx.put("cluster", { ...cluster, rootCa: rotateTokens(cluster.rootCa, kinds, this.#modules.random) });
  }

  /** Gives the cluster row the unlock key its spec asks for, in the caller's transaction. */
  settleUnlockKey(tx: Transaction, rotate: boolean): void {
    const cluster = tx.cluster;
    invariant(cluster !== undefined, "a leader has a cluster");
    const settled = withUnlockKey(cluster, { rotate, revision: tx.revision + 1, random: this.#modules.random });
    if (settled !== cluster) tx.put("cluster", settled);
  }

  /** The unlock key as users see it; "" while managers are not locked. Secret. */
  unlockKey(): string {
    const key = unlockKeyOf(this.#modules.store.cluster);
    return key === undefined ? "" : unlockKeyText(key);
  }

  /** Forgets removed nodes once their certificates have run out and nothing is left to be refused. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, writer } = this.#modules;
    for (;;) {
      if (this.#hasExpiredRemovals(this.#modules.store)) await writer.update((tx) => this.#forgetExpired(tx));
      await sleep(clock, forgetPeriodMs, signal);
    }
  }

  #hasExpiredRemovals(view: View): boolean {
    const nowMs = this.#modules.clock.now();
    return view.cluster?.removedNodes.some((removed) => millis(removed.until) <= nowMs) ?? false;
  }

  #forgetExpired(tx: Transaction): void {
    const nowMs = this.#modules.clock.now();
    const cluster = tx.cluster;
    if (cluster === undefined) return;
    const removedNodes = cluster.removedNodes.filter((removed) => millis(removed.until) > nowMs);
    if (removedNodes.length < cluster.removedNodes.length) tx.put("cluster", { ...cluster, removedNodes });
  }

  async #issue(caller: Caller, request: IssueRequest): Promise<IssueResponse> {
    if (request.csr.length > csrBytesMax) {
      throw new SwarmError("InvalidArgument", `invalid certificate request: larger than ${csrBytesMax} bytes`);
    }
    checkJoinFacts(request);
    return this.#issueTo(this.#shownBy(caller, request), request.csr, request);
  }

  #shownBy(caller: Caller, request: IssueRequest): Shown {
    if (caller.nodeId !== undefined) return { kind: "certificate", nodeId: caller.nodeId };
    if (request.expiredCertificate === "") return { kind: "token", token: request.joinToken };
    const { pki, store } = this.#modules;
    const facts = pki.inspect(request.expiredCertificate, rootOf(store).certificate);
    if (facts.clusterId !== store.cluster?.id) {
      throw new SwarmError("PermissionDenied", "Permission denied: the expired certificate is of another swarm");
    }
    if (!pki.isProof(request.expiredCertificate, request.csr, new Uint8Array(request.expiredProof))) {
      throw new SwarmError(
        "PermissionDenied",
        "Permission denied: the request is not signed by the key of the expired certificate",
      );
    }
    return { kind: "expired", nodeId: facts.nodeId, fingerprint: facts.fingerprint };
  }

  /** Decides, signs, and decides again in the transaction that records it (C2, C3). */
  async #issueTo(shown: Shown, csr: string, request: JoinFacts): Promise<IssueResponse> {
    const { store, clock, random, pki } = this.#modules;
    for (let tries = 1; ; tries += 1) {
      const root = rootOf(store);
      const grant = this.#grantFor(shown, store);
      const nodeId = grant.kind === "join" ? newId(random) : grant.nodeId;
      const clusterId = store.cluster?.id ?? "";
      const expiryMs = millis(certificateExpiry(store.cluster));
      const profile = nodeProfile({ nodeId, clusterId, role: grant.role, nowMs: clock.now(), expiryMs });
      const issued = await pki.issue(root, csr, profile);
      const isRecorded = await this.#record(shown, { grant, nodeId, issued, root }, request);
      if (isRecorded) return responseFor({ nodeId, clusterId, role: grant.role, issued, root });
      if (tries >= idTriesMax) throw new SwarmError("Aborted", "the swarm changed while the certificate was made");
    }
  }

  /** False: what was signed does not fit what is true by now, or the new id is taken; nothing was written. */
  #record(shown: Shown, made: Made, request: JoinFacts): Promise<boolean> {
    return this.#modules.writer.update((tx) => {
      const grant = this.#grantFor(shown, tx);
      const known = tx.table("node").get(made.nodeId);
      const fits = grant.kind === made.grant.kind && grant.role === made.grant.role;
      const isFree = grant.kind === "renew" || known === undefined;
      if (!fits || !isFree || rootOf(tx).certificate !== made.root.certificate) return false;
      const { fingerprint, notAfterMs } = made.issued;
      const certificate = { fingerprint, notAfter: wallTime(notAfterMs) };
      const node = known ?? newNode(made.nodeId, grant.role, request, tx.revision + 1);
      tx.put("node", { ...node, certificate });
      return true;
    });
  }

  #grantFor(shown: Shown, view: View): Grant {
    const { cluster } = view;
    const { pki } = this.#modules;
    invariant(cluster !== undefined, "a leader has a cluster");
    const nodeById = (id: string): Node | undefined => view.table("node").get(id);
    return grantFor(shown, { cluster, nodeById, sameSecret: (a, b) => pki.sameSecret(a, b) });
  }
}

type JoinFacts = Pick<IssueRequest, "hostname" | "availability">;

interface Made {
  readonly grant: Grant;
  readonly nodeId: string;
  readonly issued: IssuedCertificate;
  readonly root: SigningRoot;
}

function checkJoinFacts({ hostname, availability }: JoinFacts): void {
  if (hostname.length > hostnameLengthMax) {
    throw new SwarmError("InvalidArgument", `invalid hostname: longer than ${hostnameLengthMax} characters`);
  }
  if (/\p{Cc}/u.test(hostname)) throw new SwarmError("InvalidArgument", "invalid hostname: it has control characters");
  if (!Object.values(NodeAvailability).includes(availability)) {
    throw new SwarmError("InvalidArgument", `invalid node availability: ${availability}`);
  }
}

/** A node that never reported: its state is unknown and its hostname what it said when it joined. */
function newNode(id: string, role: NodeRole, { hostname, availability }: JoinFacts, specVersion: number): Node {
  return Node.fromPartial({
    id,
    spec: { annotations: { name: "", labels: {} }, desiredRole: role, availability },
    specVersion,
    description: { hostname },
    status: { state: NodeState.UNKNOWN },
    role,
  });
}

function isLeadershipLost(error: unknown): boolean {
  return error instanceof NotLeader || error instanceof UnknownOutcome;
}

/** Asking again is safe: at worst a node row stays behind for which nobody holds a certificate. */
function leadershipLost(cause: unknown): SwarmError {
  return new SwarmError("Unavailable", "the swarm changed its leader while the certificate was made; try again", {
    cause,
  });
}

function rootOf(view: View): RootCa {
  const rootCa = view.cluster?.rootCa;
  invariant(rootCa !== undefined, "a leader's cluster has a root");
  return rootCa;
}

function responseFor(given: {
  readonly nodeId: string;
  readonly clusterId: string;
  readonly role: NodeRole;
  readonly issued: IssuedCertificate;
  readonly root: SigningRoot;
}): IssueResponse {
  const { nodeId, clusterId, role, issued, root } = given;
  return {
    nodeId,
    clusterId,
    role,
    certificate: issued.certificate,
    rootCertificate: root.certificate,
    notAfter: wallTime(issued.notAfterMs),
  };
}
