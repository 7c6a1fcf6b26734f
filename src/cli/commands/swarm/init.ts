// `skep swarm init`
import type { Info, InitRequest } from "../../../api/types.js";
import type { Client } from "../../client.js";
import { noArguments, verb } from "../../command.js";
import { CliError } from "../../errors.js";
import { text, toggle, uint32 } from "../../flags/basic.js";
import { addressPools, availabilityOf, defaultListenAddr, listenAddress } from "../../flags/swarm.js";
import { patiently } from "../../patience.js";
import { editedSpec, emptySpec, specFlags } from "./spec.js";
import { joinCommand, unlockText } from "./words.js";

const flags = {
  ...specFlags,
  "advertise-addr": text('Advertised address (format: "<ip|interface>[:port]")'),
  autolock: toggle("Enable manager autolocking (requiring an unlock key to start a stopped manager)"),
  availability: text('Availability of the node ("active", "pause", "drain")', { shown: '"active"' }),
  "data-path-addr": text('Address or interface to use for data path traffic (format: "<ip|interface>")'),
  "data-path-port": uint32(
    "Port number to use for data path traffic (1024 - 49151). If no value is set or is set to 0, the default port (4789) is used.",
  ),
  "default-addr-pool": addressPools("default address pool in CIDR format"),
  "default-addr-pool-mask-length": uint32("default address pool subnet mask length", { shown: "24" }),
  "force-new-cluster": toggle("Force create a new cluster from current state"),
  "listen-addr": listenAddress('Listen address (format: "<ip|interface>[:port]")'),
};

const defaultSubnetSize = 24;

export const init = verb({
  name: "init",
  use: "[OPTIONS]",
  about: "Initialize a swarm",
  args: noArguments,
  flags,
  async run({ flags: given, client, world }) {
    // A manager that goes on alone keeps its addresses, unless told others.
    const listenDefault = given["force-new-cluster"] === true ? await knownListenAddr(client) : defaultListenAddr;
    const body: InitRequest = {
      ListenAddr: given["listen-addr"] ?? listenDefault,
      AdvertiseAddr: given["advertise-addr"] ?? "",
      DataPathAddr: given["data-path-addr"] ?? "",
      DataPathPort: given["data-path-port"] ?? 0,
      ForceNewCluster: given["force-new-cluster"] ?? false,
      Spec: await editedSpec(emptySpec, given, world),
      AutoLockManagers: given.autolock ?? false,
      Availability: availabilityOf(given.availability),
      DefaultAddrPool: given["default-addr-pool"] ?? [],
      SubnetSize: given["default-addr-pool-mask-length"] ?? defaultSubnetSize,
    };
    const nodeId = await initialize(() =>
      patiently("the first manager to start", client.post<string>("/swarm/init", { body }), world),
    );
    world.stdout.write(`Swarm initialized: current node (${nodeId}) is now a manager.\n\n`);
    const command = await joinCommand(client, nodeId, "worker");
    if (command !== undefined) {
      world.stdout.write(command);
      world.stdout.write(
        "To add a manager to this swarm, run 'skep swarm join-token manager' and follow the instructions.\n",
      );
    }
    if (given.autolock === true) world.stdout.write(await unlockText(client));
    return undefined;
  },
});

/** "" tells the daemon to keep what a member has. */
async function knownListenAddr(client: Client): Promise<string> {
  const { Swarm } = await client.get<Info>("/info");
  return Swarm.LocalNodeState === "inactive" ? defaultListenAddr : "";
}

/** Where the daemon could not choose an address it does not know our flag. */
async function initialize(call: () => Promise<string>): Promise<string> {
  try {
    return await call();
  } catch (error) {
    const isChoice =
      error instanceof CliError &&
      /could not choose an IP address|could not find the system's IP address/.test(error.message);
    if (isChoice) throw new CliError(`${error.message} - specify one with --advertise-addr`);
    throw error;
  }
}
