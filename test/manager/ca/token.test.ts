import { describe, expect, test } from "vitest";
import { joinToken, parseJoinToken, tokenSecretBytes } from "../../../src/manager/ca/index.js";
import { tokenDigest } from "../../../src/manager/ca/token.js";

const digest = "1".repeat(50);
const secret = "2".repeat(25);
const token = `SWMTKN-1-${digest}-${secret}`;

describe("a join token", () => {
  test("is read as it was made", () => {
    const made = joinToken(digest, new Uint8Array(tokenSecretBytes).fill(0xff));
    expect(made).toBe(`SWMTKN-1-${digest}-f5lxx1zz5pnorynqglhzmsp33`);
    expect(parseJoinToken(made)).toEqual({ digest, secret: "f5lxx1zz5pnorynqglhzmsp33" });
  });

  test("has both parts padded to their length", () => {
    expect(joinToken(tokenDigest(new Uint8Array(32)), new Uint8Array(tokenSecretBytes))).toBe(
      `SWMTKN-1-${"0".repeat(50)}-${"0".repeat(25)}`,
    );
  });

  test("carries the largest digest in fifty digits", () => {
    expect(tokenDigest(new Uint8Array(32).fill(0xff))).toBe("6dp5qcb22im238nr3wvp0ic7q99w035jmy2iw7i6n43d37jtof");
  });

  const wrong: readonly [string, string][] = [
    ["nothing", ""],
    ["a word", "token"],
    ["no parts", "SWMTKN"],
    ["two parts", "SWMTKN-1"],
    ["no secret", `SWMTKN-1-${digest}`],
    ["an empty secret", `SWMTKN-1-${digest}-`],
    ["another prefix", `SWMTKNX-1-${digest}-${secret}`],
    ["a prefix in lower case", token.toLowerCase()],
    ["a version that is not known", `SWMTKN-3-${digest}-${secret}`],
    ["the form of a FIPS swarm", `SWMTKN-2-1-${digest}-${secret}`],
    ["a digest too short", `SWMTKN-1-${digest.slice(1)}-${secret}`],
    ["a digest too long", `SWMTKN-1-${digest}1-${secret}`],
    ["a secret too short", `SWMTKN-1-${digest}-${secret.slice(1)}`],
    ["a secret too long", `SWMTKN-1-${digest}-${secret}2`],
    ["capitals in the digest", `SWMTKN-1-${"A".repeat(50)}-${secret}`],
    ["a sign in the secret", `SWMTKN-1-${digest}-${"+".repeat(25)}`],
    ["space before", ` ${token}`],
    ["a line end behind", `${token}\n`],
    ["a part more", `${token}-3`],
    ["other digits of Unicode", `SWMTKN-1-${"١".repeat(50)}-${secret}`],
    ["a megabyte", "SWMTKN-1-".repeat(120_000)],
  ];

  test.each(wrong)("is not %s", (_title, text) => {
    expect(() => parseJoinToken(text)).toThrow(/^invalid join token$/);
  });
});
