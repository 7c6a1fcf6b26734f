// The three files of a node's identity, under Docker's names. All are written 0600.

import { type Disk, SwarmError } from "../../base/index.js";

/** PEM; the key is secret. */
export interface Pems {
  readonly root: string;
  readonly certificate: string;
  readonly key: string;
}

const folder = "certificates";
const paths = {
  root: `${folder}/swarm-root-ca.crt`,
  certificate: `${folder}/swarm-node.crt`,
  key: `${folder}/swarm-node.key`,
} as const;

/** Holds all three while they are being switched: whoever finds it finishes the switch. */
const nextPath = `${folder}/swarm-node.next`;

/** What is stored; undefined when nothing is. Finishes a switch that a crash cut short (I2). */
export async function loadPems(disk: Disk): Promise<Pems | undefined> {
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
export async function storePems(disk: Disk, { root, certificate, key }: Pems): Promise<void> {
  await disk.makeFolder(folder);
  await disk.replaceFile(nextPath, Buffer.from(JSON.stringify({ root, certificate, key })));
  await spread(disk, { root, certificate, key });
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
