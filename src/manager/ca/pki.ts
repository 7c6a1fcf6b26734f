// The cryptography the CA and a node's identity need, as a service: decisions are tested without it, and only `host/`
// knows the libraries.

import type { NodeRole } from "../../gen/skep/v1/specs.js";
import type { CertificateProfile } from "./profile.js";

/** A root that can sign. Both PEM; the key PKCS#8 and secret. */
export interface SigningRoot {
  readonly certificate: string;
  readonly key: string;
}

export interface IssuedCertificate {
  /** PEM. */
  readonly certificate: string;
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string;
  readonly notAfterMs: number;
}

/** A fresh key, which never leaves its node, and the request for a certificate for it. */
export interface NewRequest {
  /** PEM PKCS#8. Secret. */
  readonly key: string;
  /** PEM PKCS#10. */
  readonly csr: string;
}

/** What one of our certificates says. */
export interface CertificateFacts {
  readonly nodeId: string;
  readonly clusterId: string;
  readonly role: NodeRole;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string;
}

/** Everything that fails because of what somebody else sent fails with InvalidArgument and says what is wrong with it. */
export interface Pki {
  createRoot(validity: { readonly notBeforeMs: number; readonly notAfterMs: number }): Promise<SigningRoot>;
  createRequest(): Promise<NewRequest>;
  /** Signs a request as `profile` says; of the request only the key counts, and that its owner signed it. */
  issue(root: SigningRoot, csr: string, profile: CertificateProfile): Promise<IssuedCertificate>;
  /** Reads a certificate that `rootCertificate` signed, expired or not. */
  inspect(certificate: string, rootCertificate: string): CertificateFacts;
  /** Whether the key belongs to the certificate. */
  isKeyOf(key: string, certificate: string): boolean;
  /** The digest of a root certificate as join tokens carry it. */
  digest(rootCertificate: string): string;
  /** Subject (DER) and public key (SPKI DER) of a certificate. */
  issuerOf(rootCertificate: string): { readonly subject: Uint8Array; readonly publicKey: Uint8Array };
  /** Shows that the owner of `key` wants `csr` signed. */
  prove(key: string, csr: string): Uint8Array;
  isProof(certificate: string, csr: string, proof: Uint8Array): boolean;
  /** Compares in a time that does not tell where two secrets differ. */
  sameSecret(a: string, b: string): boolean;
}
