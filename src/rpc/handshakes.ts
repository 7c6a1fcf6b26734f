// Whose TLS handshake begins, and when. One costs a manager a millisecond or two: of a thousand nodes that come at once a few
// are served at a time, so that the loop never does much else for long; the others wait, accepted but not answered, and one that
// gives up meanwhile has cost nothing. Addresses take turns, so that nobody waits behind a crowd that is another's; and what
// managers say to each other takes turns with all the rest, so that they can elect a leader however many agents look for one.

import type { Clock, Timer } from "../base/index.js";
import { AddressRow } from "./address-row.js";
import { Tally } from "./tally.js";

/** Connections whose handshake has not begun, in all and of one address: a thousand nodes may share one. */
export const waitingMax = 4_000;
export const waitingPerAddressMax = 2_000;
/** None waits longer for its turn; a node gives up 2 s later (session.ts), so that one that is served at last is still there. */
const waitMs = 8_000;
/** Handshakes under way, in all and of one address. */
const handshakesMax = 1_000;
export const handshakesPerAddressMax = 100;
/** Of these, those that began just now: the next one begins when one of them is over, or takes longer than that. */
export const placesMax = 32;
const placeMs = 1_000;

/** One that wants a handshake. */
export interface Guest {
  readonly address: string;
}

export interface HandshakesOptions {
  /** For its hello. */
  readonly helloMs: number;
}

export interface HandshakesModules<G extends Guest> {
  readonly clock: Clock;
  /** Its handshake may begin now. */
  readonly begin: (guest: G) => void;
  /** It is to be sent away. "silent": its hello did not come in time; "late": its turn did not come; "crowded": there is no room. */
  readonly refuse: (guest: G, why: "silent" | "late" | "crowded") => void;
}

/** The timer: until it is sent away, or when its place is another's. */
interface Stage {
  readonly kind: "silent" | "waiting" | "begun";
  readonly timer: Timer;
}

export class Handshakes<G extends Guest> {
  readonly #options: HandshakesOptions;
  readonly #modules: HandshakesModules<G>;
  readonly #stages = new Map<G, Stage>();
  readonly #managers = new AddressRow<G>();
  readonly #others = new AddressRow<G>();
  #isManagersTurn = true;
  /** Silent or waiting. */
  readonly #before = new Tally();
  readonly #begun = new Tally();
  readonly #places = new Set<G>();

  constructor(options: HandshakesOptions, modules: HandshakesModules<G>) {
    this.#options = options;
    this.#modules = modules;
  }

  /** Before or in their handshake. */
  get size(): number {
    return this.#stages.size;
  }

  /** nothing → silent. Where there is no room, it or another one is refused. */
  arrive(guest: G): void {
    const { address } = guest;
    const { refuse } = this.#modules;
    if (this.#before.of(address) >= waitingPerAddressMax) return refuse(guest, "crowded");
    if (this.#before.all >= waitingMax && !this.#makeRoom(address)) return refuse(guest, "crowded");
    this.#before.add(address, 1);
    this.#become("silent", guest, this.#options.helloMs, () => refuse(guest, "silent"));
  }

  /** silent → waiting: it has said hello, and whether it is a manager; that it may say, its certificate is looked at later. */
  ready(guest: G, isManager: boolean): void {
    if (this.#stages.get(guest)?.kind !== "silent") return;
    this.#become("waiting", guest, waitMs, () => this.#modules.refuse(guest, "late"));
    (isManager ? this.#managers : this.#others).add(guest);
    this.#beginSome();
  }

  /** any → nothing: its handshake stands or failed, or it is gone. */
  over(guest: G): void {
    const stage = this.#stages.get(guest);
    if (stage === undefined) return;
    stage.timer.cancel();
    this.#stages.delete(guest);
    if (stage.kind !== "begun") return this.#leaveRow(guest);
    this.#begun.add(guest.address, -1);
    this.#places.delete(guest);
    this.#beginSome();
  }

  #beginSome(): void {
    while (this.#places.size < placesMax && this.#begun.all < handshakesMax) {
      const guest = this.#next();
      if (guest === undefined) return;
      this.#begin(guest);
    }
  }

  /** waiting → begun. */
  #begin(guest: G): void {
    this.#leaveRow(guest);
    this.#begun.add(guest.address, 1);
    this.#places.add(guest);
    this.#become("begun", guest, placeMs, () => {
      if (this.#places.delete(guest)) this.#beginSome();
    });
    this.#modules.begin(guest);
  }

  #become(kind: Stage["kind"], guest: G, afterMs: number, then: () => void): void {
    this.#stages.get(guest)?.timer.cancel();
    this.#stages.set(guest, { kind, timer: this.#modules.clock.after(afterMs, then) });
  }

  #next(): G | undefined {
    const may = (address: string): boolean => this.#begun.of(address) < handshakesPerAddressMax;
    const [row, other] = this.#isManagersTurn ? [this.#managers, this.#others] : [this.#others, this.#managers];
    const guest = row.first(may) ?? other.first(may);
    this.#isManagersTurn = !this.#isManagersTurn;
    return guest;
  }

  #leaveRow(guest: G): void {
    this.#before.add(guest.address, -1);
    this.#managers.delete(guest);
    this.#others.delete(guest);
  }

  /** The most crowded address gives way to one of which fewer are here. */
  #makeRoom(address: string): boolean {
    const crowded = this.#before.most();
    if (crowded === undefined || this.#before.of(crowded) <= this.#before.of(address) + 1) return false;
    for (const [guest, { kind }] of this.#stages) {
      if (guest.address !== crowded || kind === "begun") continue;
      this.over(guest);
      this.#modules.refuse(guest, "crowded");
      return true;
    }
    return false;
  }
}
