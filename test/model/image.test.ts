import { describe, expect, test } from "vitest";
import { familiarImage, normalisedImage, parseImage } from "../../src/model/index.js";

const digest = `sha256:${"a".repeat(64)}`;

describe("an image reference", () => {
  test.each([
    ["nginx", "nginx", "docker.io/library/nginx:latest"],
    ["nginx:1.27", "nginx:1.27", "docker.io/library/nginx:1.27"],
    ["docker.io/library/nginx", "nginx", "docker.io/library/nginx:latest"],
    ["index.docker.io/nginx", "nginx", "docker.io/library/nginx:latest"],
    ["a/b", "a/b", "docker.io/a/b:latest"],
    ["library/a/b", "library/a/b", "docker.io/library/a/b:latest"],
    ["ghcr.io/a/b:v1", "ghcr.io/a/b:v1", "ghcr.io/a/b:v1"],
    ["localhost/a", "localhost/a", "localhost/a:latest"],
    ["localhost:5000/a", "localhost:5000/a", "localhost:5000/a:latest"],
    ["[::1]:5000/a", "[::1]:5000/a", "[::1]:5000/a:latest"],
    ["Host/a", "Host/a", "Host/a:latest"],
    [`nginx@${digest}`, `nginx@${digest}`, `docker.io/library/nginx@${digest}`],
    [`nginx:1@${digest}`, `nginx:1@${digest}`, `docker.io/library/nginx:1@${digest}`],
    ["a__b/c-d.e", "a__b/c-d.e", "docker.io/a__b/c-d.e:latest"],
  ])("%s: short %s, whole %s", (text, short, whole) => {
    const image = parseImage(text);
    expect(image && familiarImage(image)).toBe(short);
    expect(image && normalisedImage(image)).toBe(whole);
  });

  test.each([
    "",
    ":",
    "a:",
    "a:b:c",
    "A",
    "a//b",
    "/a",
    "a/",
    "a b",
    "a@b",
    "a@sha256:12",
    "a:-x",
    `a:${"x".repeat(129)}`,
    "-x.com/a",
    "x.com:port/a",
    "a___b",
    "a..b",
    "a".repeat(256),
    "a".repeat(64),
    "b/a".repeat(5_000),
    "ä",
    `a@${digest}@${digest}`,
  ])("%s is none", (text) => {
    expect(parseImage(text)).toBeUndefined();
  });
});
