// The membership in force, as it is written down: changes are made one after another, each durable before the next.

import { joinAddress, splitAddress } from "./address.js";
import type { Membership, State } from "./state.js";

export class MembershipRecord {
  readonly #state: Pick<State, "setMembership">;
  #current: Membership;
  #written: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(state: Pick<State, "setMembership">, current: Membership) {
    this.#state = state;
    this.#current = current;
  }

  get current(): Membership {
    return this.#current;
  }

  /** Makes the record durable as it is now. */
  write(): Promise<void> {
    return this.change((membership) => membership);
  }

  /** In force at once; resolves once it is durable. After `close` nothing is written any more. */
  change(changed: (membership: Membership) => Membership): Promise<void> {
    const next = changed(this.#current);
    this.#current = next;
    const write = this.#writeAfter(this.#written, next);
    this.#written = write.catch(() => undefined);
    return write;
  }

  async #writeAfter(earlier: Promise<void>, membership: Membership): Promise<void> {
    await earlier;
    if (!this.#isClosed) await this.#state.setMembership(membership);
  }

  /** Resolves when nothing is being written any more. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#written;
  }
}

/** Of a node that is a manager no more: a later one is another member of the consensus. */
export function withoutManager(membership: Membership): Membership {
  const { raftId: _raftId, isJoining: _isJoining, isForcing: _isForcing, peers: _peers, ...worker } = membership;
  return worker;
}

/** The log has begun. */
export function begun(membership: Membership): Membership {
  const { isJoining: _isJoining, ...rest } = membership;
  return rest;
}

/** It has led alone: every other manager is written off in the store. */
export function forced(membership: Membership): Membership {
  const { isForcing: _isForcing, ...rest } = membership;
  return rest;
}

/** The node has moved to `host` (port 0: the one it has): what named its old address names the new one. */
export function moved(membership: Membership, to: { readonly host: string; readonly port: number }): Membership {
  const { advertiseAddr: before, listenAddr, dataPathAddr } = membership;
  const listens = splitAddress(listenAddr);
  const old = before === "" ? { host: "", port: listens.port } : splitAddress(before);
  const port = to.port === 0 ? old.port : to.port;
  const advertiseAddr = joinAddress(to.host, port);
  const host = (known: string): string => (known === old.host ? to.host : known);
  return {
    ...membership,
    advertiseAddr,
    listenAddr: joinAddress(host(listens.host), listens.port === old.port ? port : listens.port),
    dataPathAddr: host(dataPathAddr),
    managers: membership.managers.map((addr) => (addr === before ? advertiseAddr : addr)),
  };
}
