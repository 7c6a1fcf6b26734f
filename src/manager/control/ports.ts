// Who holds which published port in the swarm: what a new or changed service must not take.

import type { PortHolder } from "../../model/index.js";
import { specOf, type View } from "../../store/index.js";

/** The other services with the ports they ask for and those they were given. */
export function* portHolders(view: View, exceptId: string): Iterable<PortHolder> {
  for (const service of view.table("service").all()) {
    if (service.id === exceptId) continue;
    const asked = specOf(view, service).endpoint?.ports ?? [];
    const ports = [...asked, ...(service.endpoint?.ports ?? [])];
    if (ports.length > 0) yield { id: service.id, name: service.name, ports };
  }
}
