// SHA-256, for what checks files.

import { createHash } from "node:crypto";
import type { NewDigest } from "../manager/index.js";

export const sha256: NewDigest = () => {
  const hash = createHash("sha256");
  return { update: (bytes) => void hash.update(bytes), end: () => new Uint8Array(hash.digest()) };
};
