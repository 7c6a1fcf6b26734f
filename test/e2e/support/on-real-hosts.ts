import { describe } from "vitest";
import { realHosts } from "./detect.js";

/** `describe` for tests on real hosts: skipped where there can be none, an error where they are required. */
export const onRealHosts: typeof describe.skip = describe.skipIf(!realHosts().ok);
