import { expect, test } from "vitest";
import { crc32c } from "../../../src/raft/log/crc32c.js";

const ascending = Uint8Array.from({ length: 32 }, (_, at) => at);

// RFC 3720 §B.4, and the check value of the CRC catalogue.
test.each([
  ["nothing", new Uint8Array(0), 0],
  ["123456789", new TextEncoder().encode("123456789"), 0xe3069283],
  ["32 zeros", new Uint8Array(32), 0x8a9136aa],
  ["32 ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["ascending", ascending, 0x46dd794e],
  ["descending", ascending.slice().reverse(), 0x113fdb5c],
])("the checksum of %s is the published one", (_, bytes, checksum) => {
  expect(crc32c(bytes)).toBe(checksum);
});

test("a checksum continues over parts, wherever they are cut", () => {
  const whole = Uint8Array.from({ length: 100 }, (_, at) => (at * 37) & 0xff);
  for (let cut = 0; cut <= whole.length; cut++) {
    expect(crc32c(whole.subarray(cut), crc32c(whole.subarray(0, cut)))).toBe(crc32c(whole));
  }
});
