// Several real hosts on one machine, on one switch, each with an engine of its own.

import { Host } from "./host.js";
import { busybox, type Image } from "./images.js";
import { Switch } from "./network.js";
import { closeRunFolder, leftovers, openRunFolder, type RunFolder } from "./run-folder.js";

export interface StartHostsOptions {
  /** Imported into every engine; busybox when absent. */
  readonly images?: readonly Image[];
  /** Engines with --live-restore: containers outlive an engine's stop (and Docker's own swarm mode is refused). */
  readonly isLiveRestore?: boolean;
}

/** Hosts h1 … hN at 10.30.0.1 … N. Call `end` when done; what a killed process leaves is swept by the next run. */
export async function startHosts(count: number, options: StartHostsOptions = {}): Promise<Hosts> {
  const run = openRunFolder();
  try {
    const network = await Switch.start(run);
    const { isLiveRestore = false, images = [busybox] } = options;
    const all = await Promise.all(
      Array.from({ length: count }, (_, index) => Host.start({ run, network, number: index + 1, isLiveRestore })),
    );
    for (const image of images) await Promise.all(all.map((host) => host.importImage(image)));
    return new Hosts(run, all);
  } catch (error) {
    await closeRunFolder(run);
    throw error;
  }
}

export class Hosts implements AsyncDisposable {
  readonly all: readonly Host[];
  readonly run: RunFolder;

  constructor(run: RunFolder, all: readonly Host[]) {
    this.run = run;
    this.all = all;
  }

  /** Host `number`, counted from 1 as their names are. */
  host(number: number): Host {
    const host = this.all[number - 1];
    if (host === undefined) throw new Error(`there is no host h${number}`);
    return host;
  }

  /** Ends everything and removes every trace. */
  async end(): Promise<void> {
    await closeRunFolder(this.run);
  }

  /** What is still there of this run; empty after `end`. */
  leftovers(): readonly string[] {
    return leftovers(this.run);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}
