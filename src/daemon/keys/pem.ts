// The node's TLS key as PEM: in the open, or encrypted PKCS#8 as Docker keeps it while managers are locked.

import { createPrivateKey } from "node:crypto";
import { SwarmError } from "../../base/index.js";

/** Docker writes PBES2 with AES-256-CBC too; the passphrase is 32 random bytes, so the rounds do not matter. */
const cipher = "aes-256-cbc";

export function encryptedPem(pem: string, passphrase: string): string {
  return createPrivateKey(pem).export({ type: "pkcs8", format: "pem", cipher, passphrase }).toString();
}

/** The key in the open. The failure never repeats any of it. */
export function decryptedPem(pem: string, passphrase: string): string {
  try {
    return createPrivateKey({ key: pem, passphrase }).export({ type: "pkcs8", format: "pem" }).toString();
  } catch {
    throw new SwarmError("FailedPrecondition", "the node's key cannot be opened: leave the swarm and join again");
  }
}

export function isEncryptedPem(pem: string): boolean {
  return pem.startsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----");
}
