// Registers by key, as a sequential object: read, write, compare and swap. The workload whose history is checked.

import type { Model } from "./linearizable.js";

export type RegisterInput =
  | { readonly kind: "read"; readonly key: string }
  | { readonly kind: "write"; readonly key: string; readonly value: string }
  | { readonly kind: "swap"; readonly key: string; readonly expected: string | undefined; readonly value: string };

/** What a read found (undefined: nothing yet), whether a swap took place, undefined for a write. */
export type RegisterOutput = string | boolean | undefined;

export const registers: Model<string | undefined, RegisterInput, RegisterOutput> = {
  initial: undefined,
  apply: (state, input) => {
    switch (input.kind) {
      case "read":
        return { state, output: state };
      case "write":
        return { state: input.value, output: undefined };
      case "swap": {
        const isSwapped = state === input.expected;
        return { state: isSwapped ? input.value : state, output: isSwapped };
      }
      default:
        return input satisfies never;
    }
  },
  stateKey: (state) => (state === undefined ? "nothing" : `"${state}"`),
  keyOf: ({ key }) => key,
};
