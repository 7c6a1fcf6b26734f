// All that may go wrong, by name.

import { clockFaults } from "./clocks.js";
import type { Fault } from "./fault.js";
import { hostFaults } from "./hosts.js";
import { managerFaults } from "./managers.js";
import { networkFaults } from "./network.js";

const all = { ...hostFaults, ...managerFaults, ...networkFaults, ...clockFaults };

export type { End } from "./fault.js";

export const faultNames: readonly (readonly [name: string, weight: number])[] = Object.entries(all).map(
  ([name, [weight]]) => [name, weight],
);

export function faultNamed(name: string): Fault | undefined {
  return all[name]?.[1];
}
