// The embedded engine's images, and the registry behind it, which has every image but those it is told to lack.

import { SwarmError } from "../../base/index.js";
import { bounds } from "../bounds.js";
import type { PullProgress } from "../engine.js";
import type { Life } from "./power.js";

export interface Image {
  /** As `docker images` shows it: `nginx:latest`, `host/team/app:2`. */
  readonly name: string;
  /** `sha256:…`. */
  readonly id: string;
  readonly pulledWallMs: number;
}

/** What is wrong with the pulls of an image: they fail with these words, or never move. */
export type PullFault = { readonly message: string } | { readonly hangs: true };

export class Images {
  readonly #all = new Map<string, Image>();
  readonly #faults = new Map<string, PullFault>();

  get all(): readonly Image[] {
    return [...this.#all.values()];
  }

  has(image: string): boolean {
    return this.#all.has(familiarName(image));
  }

  /** `newId` is used unless it is there already. */
  add(image: string, newId: string, pulledWallMs: number): void {
    const name = familiarName(image);
    this.#all.set(name, { name, id: this.#all.get(name)?.id ?? newId, pulledWallMs });
  }

  remove(image: string): void {
    this.#all.delete(familiarName(image));
  }

  fail(image: string, fault: PullFault | undefined): void {
    if (fault) this.#faults.set(familiarName(image), fault);
    else this.#faults.delete(familiarName(image));
  }

  /** Takes `takesMs`, in steps that are told; fails as a registry would. */
  async fetch(
    image: string,
    takesMs: number,
    onProgress: (progress: PullProgress) => void,
    life: Life,
    signal: AbortSignal,
  ): Promise<void> {
    const name = familiarName(image);
    const fault = this.#faults.get(name);
    onProgress({ status: `Pulling from ${name}`, currentBytes: 0, totalBytes: 0 });
    if (fault && "hangs" in fault) await stall(image, life, signal);
    for (let step = 1; step <= pullSteps; step++) {
      await life.sleep(takesMs / pullSteps, signal);
      await life.answering(signal);
      onProgress({ status: "Downloading", currentBytes: step, totalBytes: pullSteps });
    }
    if (fault && "message" in fault) throw new SwarmError("Unknown", fault.message);
    const refusal = registryRefusal(name);
    if (refusal) throw refusal;
  }
}

const pullSteps = 4;

async function stall(image: string, life: Life, signal: AbortSignal): Promise<never> {
  await life.sleep(bounds.pullStallMs, signal);
  const text = `pulling ${image} made no progress for ${bounds.pullStallMs / 1000} s`;
  throw new SwarmError("DeadlineExceeded", text);
}

const repository = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::\d+)?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/;
const tagOrDigest = /^(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;

/** `docker.io/library/nginx` → `nginx:latest`; InvalidArgument in Docker's words when it is no reference. */
export function familiarName(image: string): string {
  const at = image.indexOf("@");
  const end = at < 0 ? image.length : at;
  const colon = image.lastIndexOf(":", end - 1);
  const cut = colon > image.lastIndexOf("/", end - 1) ? colon : end;
  const name = image.slice(0, cut);
  const rest = image.slice(cut);
  if (!repository.test(name) || !tagOrDigest.test(rest)) {
    const why = name === name.toLowerCase() ? "" : ": repository name must be lowercase";
    throw new SwarmError("InvalidArgument", `invalid reference format${why}`);
  }
  return (
    name.replace(/^(docker\.io|index\.docker\.io)\//, "").replace(/^library\/(?=[^/]+$)/, "") + (rest || ":latest")
  );
}

/**
 * The registry's refusal of an image; undefined when it has it. An image with the path component `missing` is not there,
 * one with `denied` is somebody else's: so both can be seen without a real registry.
 */
function registryRefusal(name: string): SwarmError | undefined {
  const parts = name
    .replace(/@.*$/, "")
    .replace(/:[^/]*$/, "")
    .split("/");
  if (parts.includes("missing")) {
    return new SwarmError("NotFound", `manifest for ${name} not found: manifest unknown: manifest unknown`);
  }
  if (!parts.includes("denied")) return undefined;
  const why = "repository does not exist or may require 'docker login'";
  const text = `pull access denied for ${name}, ${why}: denied: requested access to the resource is denied`;
  return new SwarmError("NotFound", text);
}
