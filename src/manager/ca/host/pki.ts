// Binds the two halves of the cryptography: making (x509.ts) and reading (inspect.ts).

import type { Pki } from "../pki.js";
import { digest, inspect, isKeyOf, isProof, issuerOf, prove, sameSecret } from "./inspect.js";
import { createRequest, createRoot, issue } from "./x509.js";

export function createPki(): Pki {
  return { createRoot, createRequest, issue, inspect, isKeyOf, digest, issuerOf, prove, isProof, sameSecret };
}
