// Reads certificates and checks signatures, with what Node itself has.

import { createHash, createPrivateKey, sign, timingSafeEqual, verify, X509Certificate } from "node:crypto";
import { messageOf, SwarmError } from "../../../base/index.js";
import { NodeRole } from "../../../gen/skep/v1/specs.js";
import { subjectOf } from "../der.js";
import type { CertificateFacts } from "../pki.js";
import { tokenDigest } from "../token.js";

/** Far above any certificate of a node. */
const certificateLengthMax = 64 * 1024;

export function inspect(certificate: string, rootCertificate: string): CertificateFacts {
  const leaf = parse(certificate);
  const root = parse(rootCertificate);
  if (!leaf.checkIssued(root) || !leaf.verify(root.publicKey)) {
    throw new SwarmError("InvalidArgument", "the certificate was not issued by this swarm's certificate authority");
  }
  if (leaf.ca) throw new SwarmError("InvalidArgument", "the certificate is an authority's, not a node's");
  return { ...subjectFacts(leaf.subject), ...validity(leaf), fingerprint: fingerprintOf(leaf) };
}

export function isKeyOf(key: string, certificate: string): boolean {
  return parse(certificate).checkPrivateKey(createPrivateKey(key));
}

export function digest(rootCertificate: string): string {
  return tokenDigest(createHash("sha256").update(rootCertificate).digest());
}

export function issuerOf(rootCertificate: string): { readonly subject: Uint8Array; readonly publicKey: Uint8Array } {
  const root = parse(rootCertificate);
  return {
    subject: subjectOf(new Uint8Array(root.raw)),
    publicKey: new Uint8Array(root.publicKey.export({ type: "spki", format: "der" })),
  };
}

export function prove(key: string, csr: string): Uint8Array {
  return new Uint8Array(sign("sha256", Buffer.from(csr), { key, dsaEncoding: "ieee-p1363" }));
}

export function isProof(certificate: string, csr: string, proof: Uint8Array): boolean {
  const key = parse(certificate).publicKey;
  return verify("sha256", Buffer.from(csr), { key, dsaEncoding: "ieee-p1363" }, proof);
}

/** Of the SHA-256 of both, so that not even the lengths show. */
export function sameSecret(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash("sha256").update(text).digest());
  return left !== undefined && right !== undefined && timingSafeEqual(left, right);
}

/** SHA-256 of the DER, lower-case hex. */
export function fingerprintOfPem(certificate: string): string {
  return fingerprintOf(parse(certificate));
}

function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(":", "").toLowerCase();
}

function parse(certificate: string): X509Certificate {
  if (certificate.length > certificateLengthMax || !certificate.includes("-----BEGIN CERTIFICATE-----")) {
    throw new SwarmError("InvalidArgument", "not a PEM certificate");
  }
  try {
    return new X509Certificate(certificate);
  } catch (error) {
    throw new SwarmError("InvalidArgument", `not a certificate: ${messageOf(error)}`);
  }
}

/** Node prints a subject as one `KEY=value` a line, and escapes what a value could fake. */
function subjectFacts(subject: string): Pick<CertificateFacts, "nodeId" | "clusterId" | "role"> {
  const fields = new Map(subject.split("\n").map((line) => splitOnce(line)));
  const [nodeId, clusterId, unit] = [fields.get("CN"), fields.get("O"), fields.get("OU")];
  if (!nodeId || !clusterId || (unit !== "swarm-manager" && unit !== "swarm-worker")) {
    throw new SwarmError("InvalidArgument", "the certificate does not name a node, a swarm and a role");
  }
  return { nodeId, clusterId, role: unit === "swarm-manager" ? NodeRole.MANAGER : NodeRole.WORKER };
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf("=");
  return [line.slice(0, at), line.slice(at + 1)];
}

function validity(certificate: X509Certificate): Pick<CertificateFacts, "notBeforeMs" | "notAfterMs"> {
  return { notBeforeMs: Date.parse(certificate.validFrom), notAfterMs: Date.parse(certificate.validTo) };
}
