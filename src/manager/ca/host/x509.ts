// Makes roots, requests and certificates. The library costs 0.1 s to load, so it is loaded when first needed: a node
// that only starts again never does.

import { webcrypto } from "node:crypto";
import type * as X509 from "@peculiar/x509";
import { messageOf, SwarmError } from "../../../base/index.js";
import type { IssuedCertificate, NewRequest, SigningRoot } from "../pki.js";
import type { CertificateProfile } from "../profile.js";
import { fingerprintOfPem } from "./inspect.js";

const curve = { name: "ECDSA", namedCurve: "P-256" } as const;
const signature = { name: "ECDSA", hash: "SHA-256" } as const;
const curvesAccepted = new Set(["P-256", "P-384", "P-521"]);
const hashesAccepted = new Set(["SHA-256", "SHA-384", "SHA-512"]);
const rsaBitsMin = 2048;
const serialBytes = 16;

/** Far above what a key of an accepted kind needs. */
const requestLengthMax = 16 * 1024;

export async function createRoot(validity: {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}): Promise<SigningRoot> {
  const x509 = await library();
  const keys = await webcrypto.subtle.generateKey(curve, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ CN: ["swarm-ca"] }],
    notBefore: new Date(validity.notBeforeMs),
    notAfter: new Date(validity.notAfterMs),
    signingAlgorithm: signature,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem(certificate), key: await keyPem(keys.privateKey) };
}

export async function createRequest(): Promise<NewRequest> {
  const x509 = await library();
  const keys = await webcrypto.subtle.generateKey(curve, true, ["sign", "verify"]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: signature });
  return { csr: pem(request), key: await keyPem(keys.privateKey) };
}

export async function issue(root: SigningRoot, csr: string, profile: CertificateProfile): Promise<IssuedCertificate> {
  const x509 = await library();
  const publicKey = await checkedKey(x509, csr);
  const issuer = new x509.X509Certificate(root.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    issuer: issuer.subject,
    subject: [{ O: [profile.organization] }, { OU: [profile.organizationalUnit] }, { CN: [profile.commonName] }],
    notBefore: new Date(profile.notBeforeMs),
    notAfter: new Date(profile.notAfterMs),
    signingAlgorithm: signature,
    signingKey: await signingKey(root.key),
    publicKey,
    extensions: await nodeExtensions(x509, { issuer, publicKey, profile }),
  });
  const text = pem(certificate);
  return { certificate: text, fingerprint: fingerprintOfPem(text), notAfterMs: profile.notAfterMs };
}

async function nodeExtensions(
  x509: typeof X509,
  given: {
    readonly issuer: X509.X509Certificate;
    readonly publicKey: X509.PublicKey;
    readonly profile: CertificateProfile;
  },
): Promise<X509.Extension[]> {
  const { digitalSignature, keyEncipherment } = x509.KeyUsageFlags;
  return [
    new x509.KeyUsagesExtension(digitalSignature | keyEncipherment, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
    new x509.BasicConstraintsExtension(false, undefined, true),
    await x509.SubjectKeyIdentifierExtension.create(given.publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(given.issuer),
    new x509.SubjectAlternativeNameExtension(
      given.profile.dnsNames.map((name): X509.JsonGeneralName => ({ type: "dns", value: name })),
    ),
  ];
}

/** The request's key, once it is of a kind we sign and its owner has signed the request. */
async function checkedKey(x509: typeof X509, csr: string): Promise<X509.PublicKey> {
  const request = parseRequest(x509, csr);
  const refusal = refusalOf(request);
  if (refusal !== undefined) throw invalidRequest(refusal);
  const isSigned = await request.verify().catch(() => false);
  if (!isSigned) throw invalidRequest("it is not signed by its own key");
  return request.publicKey;
}

function parseRequest(x509: typeof X509, csr: string): X509.Pkcs10CertificateRequest {
  if (csr.length > requestLengthMax) throw invalidRequest(`larger than ${requestLengthMax} bytes`);
  if (!csr.includes("-----BEGIN CERTIFICATE REQUEST-----")) throw invalidRequest("not a PEM certificate request");
  try {
    return new x509.Pkcs10CertificateRequest(csr);
  } catch (error) {
    throw invalidRequest(`not a certificate request: ${messageOf(error)}`);
  }
}

/** swarm-semantics §8.2, "Accepted keys". */
function refusalOf(request: X509.Pkcs10CertificateRequest): string | undefined {
  const key = request.publicKey.algorithm as { name: string; namedCurve?: string; modulusLength?: number };
  const hash = (request.signatureAlgorithm as { hash?: { name: string } }).hash?.name ?? "none";
  if (key.name.startsWith("RSA")) {
    if ((key.modulusLength ?? 0) < rsaBitsMin) return `an RSA key needs at least ${rsaBitsMin} bits`;
  } else if (!curvesAccepted.has(key.namedCurve ?? "")) {
    return "its key must be RSA, or ECDSA on P-256, P-384 or P-521";
  }
  return hashesAccepted.has(hash) ? undefined : "it must be signed with SHA-256, SHA-384 or SHA-512";
}

function invalidRequest(why: string): SwarmError {
  return new SwarmError("InvalidArgument", `invalid certificate request: ${why}`);
}

/** Loads the library ahead of its first use: a node of no swarm will be told to make one, or to join. */
export async function preloadPki(): Promise<void> {
  await library();
}

let loaded: Promise<typeof X509> | undefined;

function library(): Promise<typeof X509> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<typeof X509> {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

function pem(data: X509.PemData<unknown>): string {
  return `${data.toString("pem").trimEnd()}\n`;
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`;
}

function signingKey(key: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(key.replace(/-----[^-]+-----/g, ""), "base64");
  return webcrypto.subtle.importKey("pkcs8", der, curve, false, ["sign"]);
}

/** Positive, and never repeated by chance. */
function newSerial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(serialBytes));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}
