// Platforms as images and nodes name them: a few architectures have two names.

import type { Platform } from "../gen/skep/v1/specs.js";

const aliases: Readonly<Record<string, string>> = { x86_64: "amd64", aarch64: "arm64" };

/** The name Docker's images use. */
export function architectureOf(name: string): string {
  return aliases[name] ?? name;
}

/** Whether a node runs images of one of these platforms; an empty field accepts any (swarm-semantics §5.3 filter 5). */
export function runsAny(node: Platform | undefined, platforms: readonly Platform[]): boolean {
  const os = node?.os ?? "";
  const architecture = architectureOf(node?.architecture ?? "");
  return platforms.some(
    (platform) =>
      (platform.os === "" || platform.os === os) &&
      (platform.architecture === "" || architectureOf(platform.architecture) === architecture),
  );
}
