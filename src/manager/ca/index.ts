/**
 * The certificate authority of the swarm: its root, the two join tokens, and a certificate for every node.
 *
 * What must stay true:
 * C1  nothing is signed for anybody who has not shown a token, a certificate of ours in force, or the key of the last
 *     certificate we gave the node.
 * C2  what was allowed is looked at again inside the transaction that records it: signing takes time, and meanwhile a
 *     token may have been rotated or a node removed.
 * C3  a certificate leaves only after the node row that says so is committed.
 * C4  no token, key or request is ever in a log line or an error.
 *
 * Start at ca.ts; grant.ts decides who gets what, profile.ts what a certificate says, pki.ts is the cryptography it
 * needs (`host/` has the real one).
 */
export { Ca, type Caller, type CaModules, type CaOptions } from "./ca.js";
export { type CreateClusterWorld, createCluster, type NewCluster } from "./create.js";

export type { CertificateFacts, IssuedCertificate, NewRequest, Pki, SigningRoot } from "./pki.js";
export { type CertificateProfile, nodeProfile } from "./profile.js";
export { recreateCluster } from "./recreate.js";
export { RemovedNodes } from "./removed.js";
export { type TokenKinds } from "./rotate.js";
export { joinToken, type ParsedToken, parseJoinToken, tokenSecretBytes } from "./token.js";
export { parseUnlockKey, unlockKeyOf, unlockKeyText } from "./unlock.js";
