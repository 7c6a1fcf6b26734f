// Names of services: what may be one, and one made up for a service that was given none (swarm-semantics §1.3).

import { type Random, rpcError } from "../base/index.js";
import { adjectives, surnames } from "./name-words.js";

/** Characters in a service's or network's name: one DNS label. */
const nameLengthMax = 63;

const dnsName = /^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$/;

/** Refuses what is no name, in Docker's words. Uniqueness is the store's to know. */
export function validateName(name: string): void {
  if (name === "") throw rpcError("InvalidArgument", "meta: name must be provided");
  // The length first: the expression above is linear only on short input.
  if (name.length > nameLengthMax) {
    throw rpcError(
      "InvalidArgument",
      /^[\w-]*$/.test(name)
        ? `name must be ${nameLengthMax} characters or fewer`
        : "name must be valid as a DNS name component",
    );
  }
  if (!dnsName.test(name)) throw rpcError("InvalidArgument", "name must be valid as a DNS name component");
}

/** `adjective_surname`, for a service without a name; a clash is the caller's to try again. */
export function generatedName(random: Random): string {
  return `${pick(adjectives, random)}_${pick(surnames, random)}`;
}

function pick(words: readonly string[], random: Random): string {
  return words[Math.floor(random.next() * words.length)] ?? "plain";
}
