// The addresses of this machine.

import { networkInterfaces } from "node:os";
import type { NetworkInterface } from "../index.js";

export function systemInterfaces(): readonly NetworkInterface[] {
  return Object.entries(networkInterfaces()).flatMap(([name, all]) => {
    const outside = (all ?? []).filter((address) => !address.internal);
    const addresses = outside
      .sort((one, other) => one.family.localeCompare(other.family))
      .map(({ address }) => address);
    return addresses.length === 0 ? [] : [{ name, addresses }];
  });
}
