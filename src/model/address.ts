// IP addresses as numbers: enough to compare one with another or with a CIDR, without node:net (this is a pure core).

interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** Whether `address` equals or lies in `pattern` (an IP or CIDR); undefined when the pattern is neither. */
export function addressMatches(address: string, pattern: string): boolean | undefined {
  const [base, prefixText, ...rest] = pattern.split("/");
  const wanted = parseAddress(base ?? "");
  if (wanted === undefined || rest.length > 0) return undefined;
  const prefix = prefixText === undefined ? wanted.bits : parsePrefix(prefixText, wanted.bits);
  if (prefix === undefined) return undefined;
  const actual = parseAddress(address);
  if (actual === undefined || actual.bits !== wanted.bits) return false;
  const shift = BigInt(wanted.bits - prefix);
  return actual.value >> shift === wanted.value >> shift;
}

function parsePrefix(text: string, bits: number): number | undefined {
  if (!/^\d{1,3}$/.test(text)) return undefined;
  const prefix = Number(text);
  return prefix <= bits ? prefix : undefined;
}

function parseAddress(text: string): Address | undefined {
  const value = text.includes(":") ? parseV6(text) : parseV4(text);
  if (value === undefined) return undefined;
  return { bits: text.includes(":") ? 128 : 32, value };
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.reduce((value, part) => value * 256n + BigInt(part), 0n);
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const left = head ?? [];
  const right = tail ?? [];
  const missing = 8 - left.length - right.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...Array<string>(Math.max(0, missing)).fill("0"), ...right];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((value, group) => value * 65536n + BigInt(`0x${group}`), 0n);
}
