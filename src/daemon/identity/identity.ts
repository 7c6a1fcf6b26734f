// The node's identity in force: what others are shown, renewed in time and swapped without a restart.

import { invariant, messageOf } from "../../base/index.js";
import type { TlsInfo } from "../../gen/skep/v1/objects.js";
import type { NodeRole } from "../../gen/skep/v1/specs.js";
import type { NewCluster } from "../../manager/ca/index.js";
import type { CredentialSource, Credentials } from "../../rpc/index.js";
import { type Held, heldFrom, type IdentityModules } from "./credentials.js";
import { loadPems, storePems } from "./files.js";
import { type Issuers, renewed } from "./renew.js";
import { renewalAtMs, renewalRetryMs } from "./schedule.js";

/** A timer longer than 24 days is none; wall time may also jump. So what is due is looked at again this often. */
const lookPeriodMs = 3_600_000;
/** Several wishes at once, a new role and a new root, are one renewal. */
const coalesceMs = 100;
/** One renewal with all the managers it asks. */
const renewalMs = 60_000;

export class NodeIdentity implements CredentialSource {
  readonly #modules: IdentityModules;
  readonly #listeners = new Set<(credentials: Credentials) => void>();
  #held: Held;
  /** Wall time of the next renewal. */
  #dueMs: number;
  #wake: () => void = () => {};
  #storing: Promise<void> = Promise.resolve();

  constructor(held: Held, modules: IdentityModules) {
    this.#modules = modules;
    this.#held = held;
    this.#dueMs = renewalAtMs(held, modules.random.next());
  }

  get current(): Credentials {
    return this.#held;
  }

  get nodeId(): string {
    return this.#held.nodeId;
  }

  get clusterId(): string {
    return this.#held.clusterId;
  }

  /** The role the certificate in force is for. */
  get role(): NodeRole {
    return this.#held.role;
  }

  /** Wall time. */
  get notAfterMs(): number {
    return this.#held.notAfterMs;
  }

  get isExpired(): boolean {
    return this.#held.notAfterMs <= this.#modules.clock.now();
  }

  /** For the node's description, as Docker shows it. */
  get tlsInfo(): TlsInfo {
    const { subject, publicKey } = this.#modules.pki.issuerOf(this.#held.root);
    return {
      trustRoot: this.#held.root,
      certIssuerSubject: Buffer.from(subject),
      certIssuerPublicKey: Buffer.from(publicKey),
    };
  }

  onChange(fn: (credentials: Credentials) => void): () => void {
    this.#listeners.add(fn);
    return () => this.#listeners.delete(fn);
  }

  /** Renews as soon as possible: the role or the root has changed. Needs `run`. */
  renewSoon(): void {
    this.#dueMs = Math.min(this.#dueMs, this.#modules.clock.now() + coalesceMs);
    this.#wake();
  }

  /** Renews whenever it is due, until the signal is aborted. */
  async run(issuers: Issuers, signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#modules;
    for (let failures = 0; ; ) {
      await this.#untilDue(signal);
      try {
        await this.renew(issuers, signal);
        failures = 0;
      } catch (error) {
        signal.throwIfAborted();
        failures += 1;
        this.#dueMs = clock.now() + renewalRetryMs(failures, random);
        const until = new Date(this.notAfterMs).toISOString();
        log.warn("the node's certificate was not renewed", { reason: messageOf(error), validUntil: until, failures });
      }
    }
  }

  /** Renews now: stored first, then in force. */
  async renew(issuers: Issuers, signal: AbortSignal): Promise<void> {
    const { random, log, clock } = this.#modules;
    const bound = new AbortController();
    const late = clock.after(renewalMs, () => bound.abort(new Error(`not renewed within ${renewalMs / 1000} s`)));
    const either = AbortSignal.any([signal, bound.signal]);
    try {
      const held = await renewed(this.#held, issuers, this.#modules, either);
      await this.#store(() => held);
      this.#dueMs = renewalAtMs(held, random.next());
      log.info("the node's certificate was renewed", { validUntil: new Date(held.notAfterMs).toISOString() });
      for (const fn of this.#listeners) fn(held);
    } finally {
      late.cancel();
    }
  }

  /** Writes what is in force once more: how the key is to stand on disk has changed. */
  storeAgain(): Promise<void> {
    return this.#store(() => this.#held);
  }

  /** On disk, then in force. One after the other: a renewal and a change of how keys are kept may meet. */
  #store(next: () => Held): Promise<void> {
    const { disk, keyAtRest } = this.#modules;
    const store = async (): Promise<void> => {
      const held = next();
      await storePems(disk, held, keyAtRest);
      this.#held = held;
    };
    this.#storing = this.#storing.then(store, store);
    return this.#storing;
  }

  async #untilDue(signal: AbortSignal): Promise<void> {
    const { clock } = this.#modules;
    for (;;) {
      signal.throwIfAborted();
      const leftMs = this.#dueMs - clock.now();
      if (leftMs <= 0) return;
      await this.#pause(Math.min(leftMs, lookPeriodMs), signal);
    }
  }

  /** Ends when the time is over, at a wish to renew, or with the signal. */
  #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", settle);
        resolve();
      };
      const timer = this.#modules.clock.after(delayMs, settle);
      this.#wake = settle;
      signal.addEventListener("abort", settle, { once: true });
    });
  }
}

/** The identity stored in the data folder; undefined when this node is of no swarm. Its certificate may have expired. */
export async function loadIdentity(modules: IdentityModules): Promise<NodeIdentity | undefined> {
  const pems = await loadPems(modules.disk, modules.keyAtRest);
  return pems && new NodeIdentity(heldFrom(pems, modules.pki, "the stored certificate"), modules);
}

/** Stores and takes into force the first manager's identity, made by `createCluster`. */
export async function adopt(
  { credentials, nodeId, clusterId }: NewCluster,
  modules: IdentityModules,
): Promise<NodeIdentity> {
  const held = heldFrom(credentials, modules.pki, "the new certificate", { nodeId, clusterId });
  await storePems(modules.disk, held, modules.keyAtRest);
  const stored = await loadPems(modules.disk, modules.keyAtRest);
  invariant(stored?.certificate === held.certificate, "what was stored is there (I2)");
  return new NodeIdentity(held, modules);
}
