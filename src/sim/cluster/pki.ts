// Certificates that are only said: enough for the real CA to let nodes join a simulated swarm.

import { SwarmError } from "../../base/index.js";
import { NodeRole } from "../../gen/skep/v1/specs.js";
import type { CertificateFacts, IssuedCertificate, Pki } from "../../manager/ca/index.js";

const digestLength = 50;

export function simPki(): Pki {
  let issued = 0;
  return {
    createRoot: async () => ({ certificate: "simulated root", key: "simulated key" }),
    createRequest: async () => ({ key: "simulated key", csr: "simulated request" }),
    issue: async (_root, _csr, profile): Promise<IssuedCertificate> => {
      issued += 1;
      const facts: CertificateFacts = {
        nodeId: profile.commonName,
        clusterId: profile.organization,
        role: profile.organizationalUnit === "swarm-manager" ? NodeRole.MANAGER : NodeRole.WORKER,
        notBeforeMs: profile.notBeforeMs,
        notAfterMs: profile.notAfterMs,
        fingerprint: issued.toString(16).padStart(64, "0"),
      };
      return { certificate: JSON.stringify(facts), fingerprint: facts.fingerprint, notAfterMs: facts.notAfterMs };
    },
    inspect: (certificate) => {
      const facts: unknown = JSON.parse(certificate);
      if (!isFacts(facts)) throw new SwarmError("InvalidArgument", "invalid certificate");
      return facts;
    },
    isKeyOf: () => true,
    digest: () => "0".repeat(digestLength),
    issuerOf: () => ({ subject: new Uint8Array(), publicKey: new Uint8Array() }),
    prove: () => new Uint8Array(),
    isProof: () => true,
    sameSecret: (a, b) => a === b,
  };
}

function isFacts(value: unknown): value is CertificateFacts {
  return typeof value === "object" && value !== null && "fingerprint" in value;
}
