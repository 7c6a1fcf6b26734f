// Names a person reads, for the ids and containers of a run: `web` for a service, `web.1` and then `web.1'` for its tasks.

import type { RowChange, Store, View } from "../../store/index.js";

/** An id, or the name of a task's container, which ends in one. */
const idInText = /(?:[\w-]+\.\d+\.)?([0-9a-z]{25,64})/g;

export class Names {
  readonly #names = new Map<string, string>();
  readonly #taken = new Set<string>();

  give(id: string, name: string): void {
    let free = name;
    while (this.#taken.has(free)) free += "'";
    this.#names.set(id, free);
    this.#taken.add(free);
  }

  of(id: string): string {
    return this.#names.get(id) ?? id;
  }

  /** The text with every known id in it replaced by its name. */
  in(text: string): string {
    return text.replaceAll(idInText, (_, id: string) => this.of(id));
  }

  learn(changes: readonly RowChange[], view: View | Store): void {
    for (const change of changes) {
      if (this.#names.has(change.id)) continue;
      if (change.table === "service" && change.row) this.give(change.id, change.row.name);
      if (change.table === "node" && change.row) this.give(change.id, change.row.description?.hostname ?? change.id);
      if (change.table === "task" && change.row) {
        const service = view.table("service").get(change.row.serviceId)?.name ?? this.of(change.row.serviceId);
        this.give(change.id, `${service}.${change.row.slot}`);
      }
    }
  }
}
