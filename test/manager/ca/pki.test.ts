import "reflect-metadata";
import { webcrypto, X509Certificate } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { beforeAll, describe, expect, test } from "vitest";
import { NodeRole } from "../../../src/gen/skep/v1/specs.js";
import { type NewRequest, nodeProfile, type SigningRoot } from "../../../src/manager/ca/index.js";
import { rootValidity } from "../../../src/manager/ca/profile.js";
import { pki } from "../../support/pki.js";

const nowMs = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;
const yearMs = 365 * 24 * hourMs;

let root: SigningRoot;
let other: SigningRoot;
let request: NewRequest;

beforeAll(async () => {
  root = await pki.createRoot(rootValidity(nowMs));
  other = await pki.createRoot(rootValidity(nowMs));
  request = await pki.createRequest();
});

const profileOf = (role: NodeRole, expiryMs = 0) =>
  nodeProfile({ nodeId: "node-1", clusterId: "cluster-1", role, nowMs, expiryMs });

describe("the root", () => {
  test("is an authority called swarm-ca, P-256, for 20 years", () => {
    const certificate = new X509Certificate(root.certificate);
    expect({
      subject: certificate.subject,
      issuer: certificate.issuer,
      isAuthority: certificate.ca,
      curve: certificate.publicKey.asymmetricKeyDetails,
      from: Date.parse(certificate.validFrom),
      to: Date.parse(certificate.validTo),
    }).toEqual({
      subject: "CN=swarm-ca",
      issuer: "CN=swarm-ca",
      isAuthority: true,
      curve: { namedCurve: "prime256v1" },
      from: nowMs - hourMs,
      to: nowMs + 20 * yearMs,
    });
  });

  test("shows its subject and public key as DER", () => {
    const { subject, publicKey } = pki.issuerOf(root.certificate);
    expect(Buffer.from(subject).toString("hex")).toBe("3013311130" + "0f0603550403130873" + "7761726d2d6361");
    expect(Buffer.from(publicKey).subarray(0, 2).toString("hex")).toBe("3059");
  });

  test("has a digest of fifty digits that another root does not have", () => {
    expect(pki.digest(root.certificate)).toMatch(/^[0-9a-z]{50}$/);
    expect(pki.digest(root.certificate)).not.toBe(pki.digest(other.certificate));
  });
});

describe("a node's certificate", () => {
  const rows = [
    { role: NodeRole.WORKER, unit: "swarm-worker", names: "DNS:swarm-worker, DNS:node-1" },
    { role: NodeRole.MANAGER, unit: "swarm-manager", names: "DNS:swarm-manager, DNS:node-1, DNS:swarm-ca" },
  ] as const;

  test.each(rows)("names a $unit in subject and alternative names", async ({ role, unit, names }) => {
    const issued = await pki.issue(root, request.csr, profileOf(role));
    const certificate = new X509Certificate(issued.certificate);
    expect({
      subject: certificate.subject,
      names: certificate.subjectAltName,
      isAuthority: certificate.ca,
      usages: certificate.keyUsage,
      fitsKey: pki.isKeyOf(request.key, issued.certificate),
    }).toEqual({
      subject: `O=cluster-1\nOU=${unit}\nCN=node-1`,
      names,
      isAuthority: false,
      usages: ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
      fitsKey: true,
    });
    expect(pki.inspect(issued.certificate, root.certificate)).toEqual({
      nodeId: "node-1",
      clusterId: "cluster-1",
      role,
      notBeforeMs: nowMs - hourMs,
      notAfterMs: nowMs + 90 * 24 * hourMs,
      fingerprint: issued.fingerprint,
    });
  });

  test.each([
    ["the default", 0, 90 * 24 * hourMs],
    ["less than an hour", 1_000, hourMs],
    ["what was asked", 2 * hourMs + 999, 2 * hourMs],
  ])("lasts %s", async (_title, expiryMs, lastsMs) => {
    expect((await pki.issue(root, request.csr, profileOf(NodeRole.WORKER, expiryMs))).notAfterMs).toBe(nowMs + lastsMs);
  });

  test("is given for keys of all kinds Docker accepts", async () => {
    for (const keys of [ecdsa("P-256"), ecdsa("P-384"), ecdsa("P-521"), rsa(2048)]) {
      const issued = await pki.issue(root, await csrOf(keys), profileOf(NodeRole.WORKER));
      expect(pki.inspect(issued.certificate, root.certificate).nodeId).toBe("node-1");
    }
  });

  test("says what the authority says, whatever the request asks for", async () => {
    const csr = await csrOf(ecdsa("P-256"), "CN=swarm-ca,OU=swarm-manager,O=mine");
    const issued = await pki.issue(root, csr, profileOf(NodeRole.WORKER));
    expect(new X509Certificate(issued.certificate).subject).toBe("O=cluster-1\nOU=swarm-worker\nCN=node-1");
  });
});

describe("a request that is not signed", () => {
  const rows: readonly { title: string; csr: () => Promise<string> | string; says: string | RegExp }[] = [
    { title: "nothing", csr: () => "", says: "not a PEM certificate request" },
    { title: "text", csr: () => "please", says: "not a PEM certificate request" },
    { title: "a certificate", csr: () => root.certificate, says: "not a PEM certificate request" },
    { title: "a key", csr: () => request.key, says: "not a PEM certificate request" },
    { title: "too much", csr: () => request.csr + " ".repeat(20_000), says: "larger than 16384 bytes" },
    { title: "an empty frame", csr: () => framed(""), says: /not a certificate request/ },
    { title: "garbage in its frame", csr: () => framed("AAAA"), says: /not a certificate request/ },
    { title: "no base 64", csr: () => framed("%%%%"), says: /not a certificate request/ },
    { title: "half of one", csr: () => framed(body(request.csr).slice(0, 100)), says: /not a certificate request/ },
    {
      title: "a certificate in its frame",
      csr: () => framed(body(root.certificate)),
      says: /not a certificate request/,
    },
    { title: "a signature of another key", csr: () => forged(), says: "it is not signed by its own key" },
    { title: "a small RSA key", csr: () => csrOf(rsa(1024)), says: "an RSA key needs at least 2048 bits" },
    {
      title: "a key of another kind",
      csr: () => csrOf({ name: "Ed25519" }),
      says: "its key must be RSA, or ECDSA on P-256, P-384 or P-521",
    },
    {
      title: "an old hash",
      csr: () => csrOf({ ...rsa(2048), hash: "SHA-1" }),
      says: "it must be signed with SHA-256, SHA-384 or SHA-512",
    },
  ];

  test.each(rows)("$title", async ({ csr, says }) => {
    const failed = await pki.issue(root, await csr(), profileOf(NodeRole.WORKER)).catch((error: unknown) => error);
    expect(failed).toMatchObject({ kind: "InvalidArgument" });
    const text = String((failed as Error).message);
    if (typeof says === "string") expect(text).toBe(`invalid certificate request: ${says}`);
    else expect(text).toMatch(says);
  });
});

describe("a certificate that is not ours", () => {
  const rows: readonly { title: string; certificate: () => Promise<string> | string; says: string | RegExp }[] = [
    { title: "nothing", certificate: () => "", says: "not a PEM certificate" },
    { title: "text", certificate: () => "hello", says: "not a PEM certificate" },
    { title: "a request", certificate: () => request.csr, says: "not a PEM certificate" },
    { title: "too much", certificate: () => root.certificate + "x".repeat(70_000), says: "not a PEM certificate" },
    {
      title: "garbage in its frame",
      certificate: () => "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
      says: /^not a certificate: /,
    },
    {
      title: "of another authority with the same name",
      certificate: async () => (await pki.issue(other, request.csr, profileOf(NodeRole.WORKER))).certificate,
      says: "the certificate was not issued by this swarm's certificate authority",
    },
    {
      title: "the root itself",
      certificate: () => root.certificate,
      says: "the certificate is an authority's, not a node's",
    },
    {
      title: "without a role",
      certificate: async () => {
        const profile = { ...profileOf(NodeRole.WORKER), organizationalUnit: "swarm-admin" as never };
        return (await pki.issue(root, request.csr, profile)).certificate;
      },
      says: "the certificate does not name a node, a swarm and a role",
    },
    {
      title: "whose name pretends to be a line of the subject",
      certificate: async () => {
        const profile = {
          ...profileOf(NodeRole.WORKER),
          commonName: "x\nOU=swarm-manager",
          organizationalUnit: "" as never,
        };
        return (await pki.issue(root, request.csr, profile)).certificate;
      },
      says: "the certificate does not name a node, a swarm and a role",
    },
  ];

  test.each(rows)("$title", async ({ certificate, says }) => {
    const text = await certificate();
    expect(() => pki.inspect(text, root.certificate)).toThrow(says);
  });

  test("does not fit a key that is not its own", async () => {
    const issued = await pki.issue(root, request.csr, profileOf(NodeRole.WORKER));
    expect(pki.isKeyOf((await pki.createRequest()).key, issued.certificate)).toBe(false);
  });
});

describe("the proof with which an expired certificate is renewed", () => {
  test("holds for this request, this key and no other", async () => {
    const { certificate } = await pki.issue(root, request.csr, profileOf(NodeRole.WORKER));
    const fresh = await pki.createRequest();
    const proof = pki.prove(request.key, fresh.csr);
    expect([
      pki.isProof(certificate, fresh.csr, proof),
      pki.isProof(certificate, request.csr, proof),
      pki.isProof(certificate, fresh.csr, pki.prove(fresh.key, fresh.csr)),
      pki.isProof(certificate, fresh.csr, new Uint8Array()),
      pki.isProof(certificate, fresh.csr, proof.subarray(1)),
    ]).toEqual([true, false, false, false, false]);
  });
});

interface KeyKind {
  readonly name: string;
  readonly namedCurve?: string;
  readonly hash?: string;
  readonly modulusLength?: number;
  readonly publicExponent?: Uint8Array<ArrayBuffer>;
}

function ecdsa(namedCurve: string): KeyKind {
  return { name: "ECDSA", namedCurve, hash: "SHA-256" };
}

function rsa(modulusLength: number): KeyKind {
  const publicExponent = new Uint8Array([1, 0, 1]);
  return { name: "RSASSA-PKCS1-v1_5", modulusLength, publicExponent, hash: "SHA-256" };
}

async function csrOf(kind: KeyKind, name = "CN=x"): Promise<string> {
  const keys = (await webcrypto.subtle.generateKey(kind as never, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const signingAlgorithm = kind as never;
  const made = await x509.Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm });
  return made.toString("pem");
}

/** A request whose public key was exchanged after it was signed. */
async function forged(): Promise<string> {
  const [mine, yours] = await Promise.all([pki.createRequest(), pki.createRequest()]);
  const hex = der(mine.csr).toString("hex").replace(keyHex(mine.csr), keyHex(yours.csr));
  expect(hex).not.toBe(der(mine.csr).toString("hex"));
  return framed(Buffer.from(hex, "hex").toString("base64"));
}

function keyHex(csr: string): string {
  return Buffer.from(new x509.Pkcs10CertificateRequest(csr).publicKey.rawData).toString("hex");
}

function body(pem: string): string {
  return pem.replace(/-----[^-]+-----|\n/g, "");
}

function der(pem: string): Buffer {
  return Buffer.from(body(pem), "base64");
}

function framed(base64: string): string {
  return `-----BEGIN CERTIFICATE REQUEST-----\n${base64}\n-----END CERTIFICATE REQUEST-----\n`;
}
