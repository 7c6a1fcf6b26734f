// Says before and after the tests which of them were skipped and how to get them.

import { howToGetThem, realHosts } from "./detect.js";

export default function setUp(): (() => void) | undefined {
  const found = realHosts();
  if (found.ok) return undefined;
  const say = (): void => console.warn(`\nSKIPPED: the tests on real hosts (${found.why}); ${howToGetThem}\n`);
  say();
  return say;
}
