// The one thing Node does not tell of a certificate: its subject as bytes, which Docker shows as CertIssuerSubject.

import { invariant } from "../../base/index.js";

interface Element {
  readonly tag: number;
  /** Offset of the tag, of the content and behind it. */
  readonly start: number;
  readonly content: number;
  readonly end: number;
}

/** Explicit tag 0: the version, which version 1 certificates leave out. */
const versionTag = 0xa0;

/** The DER of the subject's Name in a certificate's DER: RFC 5280 §4.1. */
export function subjectOf(der: Uint8Array): Uint8Array {
  const certificate = elementAt(der, 0);
  const body = elementAt(der, certificate.content);
  const fields = childrenOf(der, body);
  const named = fields[0]?.tag === versionTag ? fields.slice(1) : fields;
  // serialNumber, signature, issuer, validity, subject
  const subject = named[4];
  invariant(subject !== undefined, "a certificate has a subject");
  return der.slice(subject.start, subject.end);
}

function childrenOf(der: Uint8Array, parent: Element): readonly Element[] {
  const children: Element[] = [];
  for (let at = parent.content; at < parent.end; at = children.at(-1)?.end ?? parent.end) {
    children.push(elementAt(der, at));
  }
  return children;
}

function elementAt(der: Uint8Array, start: number): Element {
  const [tag, first] = [der[start], der[start + 1]];
  invariant(tag !== undefined && first !== undefined, "DER goes on", { start });
  if (first < 0x80) return within(der, { tag, start, content: start + 2, end: start + 2 + first });
  const content = start + 2 + (first & 0x7f);
  let length = 0;
  for (const byte of der.subarray(start + 2, content)) length = length * 256 + byte;
  return within(der, { tag, start, content, end: content + length });
}

function within(der: Uint8Array, element: Element): Element {
  invariant(element.end <= der.length, "a DER element ends inside", { end: element.end });
  return element;
}
