// Subject and public key of a certificate as they stand in its DER: all that Docker's TLSInfo shows, so no library for it.

export interface Issuer {
  /** DER of the Name. */
  readonly subject: Uint8Array;
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
}

interface Element {
  readonly tag: number;
  /** Tag and length included. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

const sequenceTag = 0x30;
/** `[0] version` of a TBSCertificate. */
const versionTag = 0xa0;

/** Of the first certificate in the PEM; undefined when there is none. */
export function issuerOf(pem: string): Issuer | undefined {
  const [, base64] = /-----BEGIN CERTIFICATE-----([\s\S]+?)-----END CERTIFICATE-----/.exec(pem) ?? [];
  if (base64 === undefined) return undefined;
  const certificate = elementAt(Buffer.from(base64, "base64"), 0);
  const body = certificate && elementAt(certificate.content, 0);
  if (body?.tag !== sequenceTag) return undefined;
  const fields = elementsOf(body.content).filter(({ tag }) => tag !== versionTag);
  // serial number, signature algorithm, issuer, validity, subject, public key
  const [, , , , subject, publicKey] = fields;
  return subject && publicKey && { subject: subject.whole, publicKey: publicKey.whole };
}

function elementsOf(content: Uint8Array): readonly Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < content.length; ) {
    const element = elementAt(content, at);
    if (element === undefined) break;
    elements.push(element);
    at += element.whole.length;
  }
  return elements;
}

function elementAt(bytes: Uint8Array, at: number): Element | undefined {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  let length = first < 0x80 ? first : 0;
  for (let index = 0; index < lengthBytes; index++) length = length * 256 + (bytes[at + 2 + index] ?? 0);
  const start = at + 2 + lengthBytes;
  if (start + length > bytes.length) return undefined;
  return { tag, whole: bytes.subarray(at, start + length), content: bytes.subarray(start, start + length) };
}
