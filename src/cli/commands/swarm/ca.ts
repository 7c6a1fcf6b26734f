// `skep swarm ca`: show the root certificate, or have the cluster move to a new one.
import type { Swarm } from "../../../api/types.js";
import type { Client } from "../../client.js";
import { noArguments, verb } from "../../command.js";
import { CliError } from "../../errors.js";
import { toggle } from "../../flags/basic.js";
import { flag } from "../../flags/flag.js";
import { patiently } from "../../patience.js";
import type { World } from "../../world.js";
import { goFileError } from "../service/env.js";
import { rotateQuery } from "./rotate.js";
import { editedSpec, specFlags } from "./spec.js";

const pemFile = (usage: string) => flag({ label: "pem-file", parse: (path: string) => path }, usage);

const flags = {
  "ca-cert": pemFile("Path to the PEM-formatted root CA certificate to use for the new cluster"),
  "ca-key": pemFile("Path to the PEM-formatted root CA key to use for the new cluster"),
  "cert-expiry": specFlags["cert-expiry"],
  detach: toggle("Exit immediately instead of waiting for the root rotation to converge", { short: "d" }),
  "external-ca": specFlags["external-ca"],
  quiet: toggle("Suppress progress output", { short: "q" }),
  rotate: toggle("Rotate the swarm CA - if no certificate or key are provided, new ones will be generated"),
};

export const ca = verb({
  name: "ca",
  use: "[OPTIONS]",
  about: "Display and rotate the root CA",
  args: noArguments,
  flags,
  async run({ flags: given, client, world }) {
    const swarm = await client.get<Swarm>("/swarm");
    if (given.rotate !== true) {
      for (const name of ["ca-cert", "ca-key", "cert-expiry", "external-ca"] as const) {
        if (given[name] !== undefined)
          throw new CliError(`\`--${name}\` flag requires the \`--rotate\` flag to update the CA`);
      }
      world.stdout.write(rootText(swarm));
      return undefined;
    }
    if (given["ca-key"] !== undefined && given["ca-cert"] === undefined) {
      throw new CliError(
        "the --ca-key flag requires that a --ca-cert flag and/or --external-ca flag be provided as well",
      );
    }
    const spec = await editedSpec(swarm.Spec, given, world, swarm.TLSInfo.TrustRoot ?? "");
    const root =
      given["ca-cert"] === undefined
        ? { ForceRotate: (spec.CAConfig.ForceRotate ?? 0) + 1 }
        : { SigningCACert: await readPem(given["ca-cert"], world), ...(await signingKey(given["ca-key"], world)) };
    const body = { ...spec, CAConfig: { ...spec.CAConfig, ...root } };
    await client.post("/swarm/update", { query: rotateQuery(swarm.Version.Index), body });
    if (given.detach === true) return undefined;
    const rotated = await patiently("all certificates to be renewed", waitForRotation(client, world), world);
    if (given.quiet !== true) world.stdout.write(rootText(rotated));
    return undefined;
  },
});

function rootText({ TLSInfo }: Swarm): string {
  if (!TLSInfo.TrustRoot) throw new CliError("No CA information available");
  return `${TLSInfo.TrustRoot.trimEnd()}\n`;
}

async function signingKey(file: string | undefined, world: World): Promise<{ readonly SigningCAKey?: string }> {
  return file === undefined ? {} : { SigningCAKey: await readPem(file, world) };
}

async function readPem(file: string, world: World): Promise<string> {
  return world.readFile(file).catch((error: unknown) => {
    throw new CliError(goFileError(file, error), 125);
  });
}

const pollMs = 200;

/** Until every node has a certificate of the new root; Ctrl-C leaves it to go on by itself. */
async function waitForRotation(client: Client, world: World): Promise<Swarm> {
  for (;;) {
    const swarm = await client.get<Swarm>("/swarm");
    if (!swarm.RootRotationInProgress) return swarm;
    await world.sleep(pollMs);
  }
}
