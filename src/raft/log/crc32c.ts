// CRC-32C (Castagnoli, RFC 3720 §12.1), eight bytes a step ("slicing by 8").

const polynomial = 0x82f63b78;
const slices = 8;
const tables = makeTables();

/** The checksum of `bytes`; `seed` is the checksum of what stood before them. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed;
  let at = 0;
  for (const end = bytes.length - (bytes.length % slices); at < end; at += slices) crc = eight(bytes, at, crc);
  for (; at < bytes.length; at++) crc = table(0, crc ^ byte(bytes, at)) ^ (crc >>> 8);
  return ~crc >>> 0;
}

function eight(bytes: Uint8Array, at: number, crc: number): number {
  return (
    table(7, crc ^ byte(bytes, at)) ^
    table(6, (crc >>> 8) ^ byte(bytes, at + 1)) ^
    table(5, (crc >>> 16) ^ byte(bytes, at + 2)) ^
    table(4, (crc >>> 24) ^ byte(bytes, at + 3)) ^
    table(3, byte(bytes, at + 4)) ^
    table(2, byte(bytes, at + 5)) ^
    table(1, byte(bytes, at + 6)) ^
    table(0, byte(bytes, at + 7))
  );
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function table(slice: number, value: number): number {
  return tables[(slice << 8) | (value & 0xff)] ?? 0;
}

function makeTables(): Int32Array {
  const all = new Int32Array(slices * 256);
  for (let value = 0; value < 256; value++) {
    let crc = value;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    all[value] = crc;
  }
  for (let at = 256; at < all.length; at++) {
    const before = all[at - 256] ?? 0;
    all[at] = (all[before & 0xff] ?? 0) ^ (before >>> 8);
  }
  return all;
}
