// The three files of a node's identity, under Docker's names. All are written 0600; a locked manager's key is encrypted.

import { type Disk, SwarmError } from "../../base/index.js";

/** PEM; the key is secret. */
export interface Pems {
  readonly root: string;
  readonly certificate: string;
  readonly key: string;
}

/** How the key stands on disk; what is written for one state can be read in the other. */
export interface KeyAtRest {
  /** The PEM as it is to be written. */
  protect(pem: string): string;
  /** The PEM in the open. */
  reveal(pem: string): string;
  /** False when `protect` would now write this in another way. */
  isAsWanted(pem: string): boolean;
}

/** On workers, and on managers that are not locked. */
export const plainKey: KeyAtRest = { protect: (pem) => pem, reveal: (pem) => pem, isAsWanted: () => true };

const folder = "certificates";
const paths = {
  root: `${folder}/swarm-root-ca.crt`,
  certificate: `${folder}/swarm-node.crt`,
  key: `${folder}/swarm-node.key`,
} as const;

/** Holds all three while they are being switched: whoever finds it finishes the switch. */
const nextPath = `${folder}/swarm-node.next`;

/** What is stored, the key in the open; undefined when nothing is. Finishes what a crash cut short (I2). */
export async function loadPems(disk: Disk, atRest = plainKey): Promise<Pems | undefined> {
  const stored = await loadStored(disk);
  if (stored === undefined) return undefined;
  const pems = { ...stored, key: atRest.reveal(stored.key) };
  if (!atRest.isAsWanted(stored.key)) await storePems(disk, pems, atRest);
  return pems;
}

/** The key as it is on disk. */
async function loadStored(disk: Disk): Promise<Pems | undefined> {
  const next = await readText(disk, nextPath);
  if (next !== undefined) {
    const pems = JSON.parse(next) as Pems;
    await spread(disk, pems);
    return pems;
  }
  const [root, certificate, key] = await Promise.all(
    [paths.root, paths.certificate, paths.key].map((path) => readText(disk, path)),
  );
  if (root === undefined && certificate === undefined && key === undefined) return undefined;
  return { root: there(root, "root"), certificate: there(certificate, "certificate"), key: there(key, "key") };
}

/** After a crash at any point the old three are there or the new three. */
export async function storePems(disk: Disk, { root, certificate, key }: Pems, atRest = plainKey): Promise<void> {
  const stored = { root, certificate, key: atRest.protect(key) };
  await disk.makeFolder(folder);
  await disk.replaceFile(nextPath, Buffer.from(JSON.stringify(stored)));
  await spread(disk, stored);
}

async function spread(disk: Disk, pems: Pems): Promise<void> {
  for (const name of ["root", "key", "certificate"] as const) {
    await disk.replaceFile(paths[name], Buffer.from(pems[name]));
  }
  await disk.remove(nextPath);
  await disk.syncFolder(folder);
}

async function readText(disk: Disk, path: string): Promise<string | undefined> {
  const bytes = await disk.readFile(path);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("utf8");
}

function there(text: string | undefined, name: keyof typeof paths): string {
  if (text !== undefined) return text;
  throw new SwarmError(
    "FailedPrecondition",
    `the data folder has no ${paths[name]}: put it back from a backup, or leave the swarm and join again`,
  );
}
