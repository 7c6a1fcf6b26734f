// All managers apply the same entries in the same order, and a term has one leader.

import type { AppliedEntry } from "../process.js";

export class ConsensusCheck {
  /** The entry that was applied to a store of this revision, by whoever came first. */
  readonly #entries = new Map<number, AppliedEntry>();
  readonly #leaders = new Map<number, string>();

  applied(revision: number, { term, data }: AppliedEntry): readonly string[] {
    const known = this.#entries.get(revision);
    if (!known) this.#entries.set(revision, { term, data });
    if (!known || (known.term === term && isSame(known.data, data))) return [];
    return [`after revision ${revision} another entry than others: of term ${term}, not ${known.term}`];
  }

  leads(name: string, term: number): readonly string[] {
    const known = this.#leaders.get(term);
    if (known === undefined) this.#leaders.set(term, name);
    return known === undefined || known === name ? [] : [`${known} and ${name} both lead in term ${term}`];
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one === other || Buffer.compare(one, other) === 0;
}
