// In the end all managers hold the same rows.

import { deepEqual } from "../../../model/index.js";
import type { SimManager } from "../manager.js";
import { tables } from "../observer.js";

/** Throws with what differs; of managers of the same revision. */
export function checkSameRows(managers: readonly Pick<SimManager, "name" | "store">[]): void {
  const [first, ...others] = managers.filter(({ store }) => store !== undefined);
  for (const other of others) {
    for (const table of tables) {
      const rows = [...(first?.store?.table(table).all() ?? [])];
      const same = other.store?.table(table);
      const isSame = [...(same?.all() ?? [])].length === rows.length;
      const wrong = rows.find((row) => !deepEqual(row, same?.get(row.id)));
      if (!isSame || wrong) throw new Error(`${first?.name} and ${other.name} differ in table ${table}: ${wrong?.id}`);
    }
  }
}
