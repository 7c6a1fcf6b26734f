import { describe, expect, it } from "vitest";
import { familiarImage, taggedImage } from "../../src/cli/commands/image.js";
import { portRanges } from "../../src/cli/commands/ports.js";
import { alignTable } from "../../src/cli/table.js";
import { compareNatural, ellipsis, humanDuration } from "../../src/cli/words.js";

const second = 1000;
const hour = 3600 * second;

it.each([
  [0, "Less than a second"],
  [999, "Less than a second"],
  [1 * second, "1 second"],
  [59 * second, "59 seconds"],
  [60 * second, "About a minute"],
  [119 * second, "About a minute"],
  [120 * second, "2 minutes"],
  [59 * 60 * second, "59 minutes"],
  [60 * 60 * second, "About an hour"],
  [1.5 * hour, "2 hours"],
  [47 * hour, "47 hours"],
  [48 * hour, "2 days"],
  [14 * 24 * hour, "2 weeks"],
  [60 * 24 * hour, "2 months"],
  [2 * 365 * 24 * hour, "2 years"],
])("%d ms are %s", (ms, text) => {
  expect(humanDuration(ms)).toBe(text);
});

describe("natural order", () => {
  it.each([
    [
      ["web10", "web2", "web", "web1"],
      ["web", "web1", "web2", "web10"],
    ],
    [
      ["b.2", "a.10", "a.9", "B.1"],
      ["B.1", "a.9", "a.10", "b.2"],
    ],
    [
      ["a01", "a1", "a001"],
      ["a1", "a01", "a001"],
    ],
  ])("%j", (names, sorted) => {
    expect(names.toSorted(compareNatural)).toEqual(sorted);
  });
});

it("cuts with an ellipsis that counts as one character", () => {
  expect(ellipsis("no suitable node (scheduling constraints…)", 30)).toBe("no suitable node (scheduling …");
  expect(ellipsis("short", 30)).toBe("short");
  expect(ellipsis("naïve 🐝🐝", 8)).toBe("naïve 🐝🐝");
});

it("sets columns at least ten wide, three apart, the last one ragged", () => {
  expect(alignTable(["ID\tNAME\tX", "1\ta-longer-name\ty", "é\tb\t"])).toBe(
    "ID        NAME            X\n1         a-longer-name   y\né         b               \n",
  );
});

it.each([
  ["nginx:1.29@sha256:" + "a".repeat(64), "nginx:1.29"],
  ["nginx@sha256:" + "a".repeat(64), "nginx@sha256:" + "a".repeat(64)],
  ["localhost:5000/x:1@sha256:" + "b".repeat(64), "localhost:5000/x:1"],
  ["docker.io/library/nginx:1", "nginx:1"],
  ["docker.io/me/nginx:1", "me/nginx:1"],
  ["nginx", "nginx"],
])("%s reads as %s", (image, short) => {
  expect(familiarImage(image)).toBe(short);
});

it.each([
  ["nginx", "nginx:latest"],
  ["nginx:1", "nginx:1"],
  ["localhost:5000/x", "localhost:5000/x:latest"],
  ["docker.io/library/nginx", "nginx:latest"],
  ["a/b@sha256:" + "a".repeat(64), "a/b@sha256:" + "a".repeat(64)],
  ["Nginx", undefined],
  ["a".repeat(64), undefined],
  ["-x", undefined],
  ["a b", undefined],
  ["", undefined],
])("%s is sent as %s", (image, tagged) => {
  expect(taggedImage(image)).toBe(tagged);
});

it("merges neighbouring ports and sorts by protocol", () => {
  const port = (PublishedPort: number, TargetPort: number, Protocol: "tcp" | "udp" = "tcp") => ({
    PublishedPort,
    TargetPort,
    Protocol,
  });
  expect(portRanges([port(9001, 91, "udp"), port(80, 8080), port(9000, 90, "udp"), port(81, 8082)])).toEqual([
    "*:80->8080/tcp",
    "*:81->8082/tcp",
    "*:9000-9001->90-91/udp",
  ]);
});
